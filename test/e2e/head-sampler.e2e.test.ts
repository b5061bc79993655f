import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { HeadSampler } from '../../src/sampler/index.ts';
import { readTracestate } from '../../src/sampling/tracestate.ts';
import { type HeadService, startHeadService } from '../support/head-service.ts';

/*
 * Scenario: the sampler for applications asks Thresher's head-sampling service, whose rates change, and which then ends.
 * Guarantees: it samples at each rate, of the service and of its operations; an answer that is the same is not sent again; it goes on with the last when the service has gone.
 */
let service: HeadService;
let sampler: HeadSampler;
beforeAll(async () => {
  service = await startHeadService(0.5);
  sampler = new HeadSampler({ serviceName: 'café & shop', endpoint: `http://${service.http}`, pollIntervalMs: 20 });
});
afterAll(async () => {
  await sampler.shutdown();
  await service.close();
});

/** `th` of roots with the greatest randomness, by their names; null = not sampled. */
function thresholds(...names: readonly string[]): (string | null)[] {
  return names.map((name) => readTracestate(sampler.shouldSample(ROOT_CONTEXT, 'f'.repeat(32), name, SpanKind.SERVER, {}, []).traceState?.serialize() ?? '').th);
}

test('follows the service, operation by operation', async () => {
  await sampler.polledOnce;
  expect(thresholds('a', 'b')).toEqual(['8', '8']);
  await service.set('café & shop', 0.25, [{ operation: 'b', rate: 0.0625 }, { operation: 'c', rate: 0 }]);
  await vi.waitFor(() => expect(thresholds('a', 'b', 'c')).toEqual(['c', 'f', null]), { timeout: 5000 });
  await service.set('café & shop', 1);
  await vi.waitFor(() => expect(thresholds('a', 'b', 'c')).toEqual(['0', '0', '0']), { timeout: 5000 });
  expect(sampler.pollState).toEqual({ hasRates: true, failures: 0, lastError: null });
});

test('an answer that has not changed comes without its body', async () => {
  const url = `http://${service.http}/sampling?service=other`;
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  expect(etag).not.toBe('');
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
});

test('goes on with the last rates when the service has gone', async () => {
  await service.close();
  await vi.waitFor(() => expect(sampler.pollState.failures).toBeGreaterThan(1), { timeout: 5000 });
  expect(thresholds('a')).toEqual(['0']);
});
