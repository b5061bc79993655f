import { spawnSync } from 'node:child_process';
import { type Context, context as contexts, type ContextManager, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { createComposableParentThresholdSampler, createCompositeSampler } from '@opentelemetry/sampler-composite';
import { InMemorySpanExporter, SimpleSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { waitMs } from '../../../src/sampler/poller.ts';
import { HeadSampler, type HeadSamplerOptions } from '../../../src/sampler/index.ts';
import { readTracestate } from '../../../src/sampling/tracestate.ts';
import { HeadServer, operationsAnswer, rateAnswer } from '../../support/head-server.ts';

/*
 * Scenario: an application's SDK with our sampler, which polls an endpoint that changes its answers, fails, lies and hangs.
 * Guarantees: what is sampled follows the last good answer; thresholds are true of what was sampled; polling stops, and holds no process.
 */
const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function serverAnd(answer = rateAnswer(0.5), options: Partial<HeadSamplerOptions> = {}): Promise<{ readonly server: HeadServer; readonly sampler: HeadSampler }> {
  const server = await HeadServer.listen(answer);
  const sampler = new HeadSampler({ serviceName: 'shop', endpoint: server.url, pollIntervalMs: 20, timeoutMs: 1500, ...options });
  opened.push(server, { close: () => sampler.shutdown() });
  await sampler.polledOnce;
  return { server, sampler };
}

/** `th` of a root with the greatest randomness, which any rate but 0 samples; null = not sampled. */
function thOf(sampler: HeadSampler, name = 'op'): string | null {
  const { decision, traceState } = sampler.shouldSample(ROOT_CONTEXT, 'f'.repeat(32), name, SpanKind.SERVER, {}, []);
  return decision === 2 ? readTracestate(traceState?.serialize() ?? '').th : null;
}

describe('polling', () => {
  test('asks for the service, escaped, and follows what is answered', async () => {
    const { server, sampler } = await serverAnd(rateAnswer(0.5), { serviceName: 'shop & café' });
    expect(server.requests[0]).toBe('/sampling?service=shop+%26+caf%C3%A9');
    expect(thOf(sampler)).toBe('8');
    server.answer = operationsAnswer(0.25, { rare: 0.125 });
    await server.polled(2);
    expect([thOf(sampler), thOf(sampler, 'rare')]).toEqual(['c', 'e']);
  });

  test.each([
    ['an error', { status: 503, body: 'later' }], ['a refusal', { status: 400, body: '\'service\' parameter must be provided once' }], ['no JSON', { body: '<html>' }],
    ['a rate limit', { body: '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":1}}' }], ['a redirect', { status: 302, body: '', headers: { location: '/elsewhere' } }],
    ['more than a megabyte', { body: `{"x":"${'y'.repeat(1 << 20)}"}` }], ['nothing in time', { body: '{}', delayMs: Infinity }], ['an empty body', { body: '' }],
  ])('keeps the last good rates on %s', async (_, answer) => {
    const { server, sampler } = await serverAnd(rateAnswer(0.5));
    server.answer = answer;
    await vi.waitFor(() => expect(sampler.pollState.failures).toBeGreaterThan(0), { timeout: 5000 });
    expect(thOf(sampler)).toBe('8');
    server.answer = rateAnswer(0.25);
    await vi.waitFor(() => expect(thOf(sampler)).toBe('c'), { timeout: 5000 });
    expect(sampler.pollState).toMatchObject({ hasRates: true, failures: 0, lastError: null });
  });

  test('needs nothing that Node.js 18 has not, or holds for ever, as the SDKs', async () => {
    const server = await HeadServer.listen(rateAnswer(0.5));
    opened.push(server);
    const newer = vi.spyOn(Promise, 'withResolvers').mockImplementation(() => { throw new TypeError('Promise.withResolvers is not a function'); });
    const held = vi.spyOn(AbortSignal, 'any');
    opened.push({ close: async () => [newer, held].forEach((spy) => spy.mockRestore()) });
    const sampler = new HeadSampler({ serviceName: 'shop', endpoint: server.url });
    opened.push({ close: () => sampler.shutdown() });
    await sampler.polledOnce;
    expect(thOf(sampler)).toBe('8');
    expect(held).not.toHaveBeenCalled();
  });

  test('takes an answer that has not changed as it is', async () => {
    const { server, sampler } = await serverAnd({ ...rateAnswer(0.5), headers: { etag: '"a"' } });
    server.answer = { status: 304, body: '' };
    await server.polled(2);
    expect(server.requestHeaders.at(-1)).toMatchObject({ 'if-none-match': '"a"' });
    expect([thOf(sampler), sampler.pollState.failures]).toEqual(['8', 0]);
  });

  test('takes the initial rate until there is an answer', async () => {
    const { sampler } = await serverAnd({ status: 500, body: '' }, { initialRate: 0.125 });
    expect([thOf(sampler), sampler.pollState.hasRates]).toEqual(['e', false]);
  });

  test('ends with shutdown; the rates stay', async () => {
    const { server, sampler } = await serverAnd();
    await sampler.shutdown();
    const asked = server.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([server.requests.length - asked, thOf(sampler)]).toEqual([0, '8']);
  });

  test('is spread by a tenth, and backs off eightfold at most', () => {
    expect([0, 0.5, 1].map((jitter) => waitMs(1000, 0, jitter))).toEqual([900, 1000, 1100]);
    expect([1, 2, 3, 4, 50].map((failures) => waitMs(1000, failures, 0.5))).toEqual([1000, 2000, 4000, 8000, 8000]);
  });

  test('makes no spans of its own', async () => {
    const seen: Context[] = [];
    const manager: ContextManager = {
      active: () => ROOT_CONTEXT,
      with: (context, work, self, ...args) => {
        seen.push(context);
        return work.call(self, ...args);
      },
      bind: (_, target) => target, enable: () => manager, disable: () => manager,
    };
    contexts.setGlobalContextManager(manager);
    try {
      await serverAnd();
    } finally {
      contexts.disable();
    }
    const { isTracingSuppressed } = await import('@opentelemetry/core');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every(isTracingSuppressed)).toBe(true);
  });

  test.each([{ initialRate: 2 }, { initialRate: Number.NaN }, { pollIntervalMs: 0 }, { endpoint: 'nowhere' }])('refuses %o', (options) => {
    expect(() => new HeadSampler({ serviceName: 'shop', ...options })).toThrow(/initialRate|pollIntervalMs|URL/);
  });

  test('holds no process', async () => {
    const server = await HeadServer.listen(rateAnswer(0.5));
    opened.push(server);
    const script = `const { HeadSampler } = await import(${JSON.stringify(packageFile('src/sampler/index.ts'))});
      const sampler = new HeadSampler({ serviceName: 'shop', endpoint: 'http://127.0.0.1:1', pollIntervalMs: 60000 }); await sampler.polledOnce; console.log(sampler.pollState.failures);`;
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 });
    expect([status, stdout.trim()]).toEqual([0, '1']);
  });
});

describe('in an SDK', () => {
  function spansOf(sampler: HeadSampler | TraceIdRatioBasedSampler, traces: number): InMemorySpanExporter {
    const exporter = new InMemorySpanExporter();
    const tracer = new TracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer('test');
    for (let i = 0; i < traces; i++) {
      const root = tracer.startSpan('root', {}, ROOT_CONTEXT);
      tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, root)).end();
      root.end();
    }
    return exporter;
  }
  const contradictions = (exporter: InMemorySpanExporter, th: string): number => exporter.getFinishedSpans()
    .filter((span) => span.spanContext().traceId.slice(18) < th.padEnd(14, '0')).length;

  test('traces are whole, their spans say one threshold, which is true of all, and of those that were left out', async () => {
    const { sampler } = await serverAnd(rateAnswer(0.25));
    const exporter = spansOf(sampler, 4000);
    const spans = exporter.getFinishedSpans();
    expect(new Set(spans.map((span) => span.spanContext().traceState?.serialize()))).toEqual(new Set(['ot=th:c']));
    expect(contradictions(exporter, 'c')).toBe(0);
    // Binomial(4000, 1/4): 1000 with a standard deviation of 27.
    expect(Math.abs(spans.length / 2 - 1000)).toBeLessThan(6 * 27.4);
  });

  test('control: the SDK\'s ratio sampler keeps traces that a threshold contradicts', () => {
    expect(contradictions(spansOf(new TraceIdRatioBasedSampler(0.25), 1000), 'c')).toBeGreaterThan(100);
  });

  test('is composed with others by what it intends', async () => {
    const { sampler } = await serverAnd(operationsAnswer(0.25, { off: 0 }));
    const composed = createCompositeSampler(createComposableParentThresholdSampler(sampler.composable));
    const ask = (name: string): unknown => composed.shouldSample(ROOT_CONTEXT, 'f'.repeat(32), name, SpanKind.SERVER, {}, []).traceState?.serialize();
    expect([ask('op'), ask('off')]).toEqual(['ot=th:c', undefined]);
  });
});
