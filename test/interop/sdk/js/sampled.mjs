// Two services with the OpenTelemetry SDK for JavaScript, the one called by the other, that send the same traces each time but for what their sampler leaves out.
//
//   node sampled.mjs OTLP_ENDPOINT SAMPLER_MODULE HEAD_ENDPOINT TRACES
//   node sampled.mjs OTLP_ENDPOINT none - TRACES
//
// SAMPLER_MODULE is the URL of a module with HeadSampler, which asks HEAD_ENDPOINT. Prints JSON: how many spans were sent, and what tracestates the second service got.
import { ROOT_CONTEXT, SpanKind, TraceFlags, createTraceState, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const [endpoint, samplerModule, headEndpoint, traces] = process.argv.slice(2);
const report = { spans: 0, sampledRoots: 0, states: {} };
const beganMs = 1_790_000_000_000;

/** Ids from a seed (mulberry32). */
function seededIds(seed) {
  let state = seed;
  const word = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0).toString(16).padStart(8, '0');
  };
  return { generateTraceId: () => word() + word() + word() + word(), generateSpanId: () => word() + word() };
}

async function service(name, seed) {
  const sampler = samplerModule === 'none' ? undefined : new (await import(samplerModule)).HeadSampler({ serviceName: name, endpoint: headEndpoint, pollIntervalMs: 1000 });
  await sampler?.polledOnce;
  if (sampler !== undefined && sampler.pollState.failures > 0) throw sampler.pollState.lastError;
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, concurrencyLimit: 1000 });
  const counted = new Proxy(exporter, {
    get: (target, key) => (key !== 'export' ? (typeof target[key] === 'function' ? target[key].bind(target) : target[key]) : (batch, done) => {
      report.spans += batch.length;
      target.export(batch, (result) => {
        if (result.code !== 0) throw result.error;
        done(result);
      });
    }),
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': name }), idGenerator: seededIds(seed), ...(sampler === undefined ? {} : { sampler }),
    spanProcessors: [new BatchSpanProcessor({ exporter: counted, maxQueueSize: 100_000 })],
  });
  return { tracer: provider.getTracer('sampled'), shutdown: () => Promise.all([provider.shutdown(), sampler?.shutdown()]) };
}

/** What arrives at the next service, by W3C's headers. */
function received(spanContext) {
  const { traceId, spanId, traceFlags, traceState } = spanContext;
  const text = traceState?.serialize() ?? '';
  return { traceId, spanId, traceFlags: traceFlags & TraceFlags.SAMPLED, isRemote: true, ...(text === '' ? {} : { traceState: createTraceState(text) }) };
}

const [shop, stock] = [await service('shop', 1), await service('stock', 2)];
for (let i = 0; i < Number(traces); i++) {
  const at = beganMs + i;
  const root = shop.tracer.startSpan(`GET /item/${i % 5}`, { kind: SpanKind.SERVER, startTime: at, attributes: { i } }, ROOT_CONTEXT);
  const call = shop.tracer.startSpan('call', { kind: SpanKind.CLIENT, startTime: at }, trace.setSpan(ROOT_CONTEXT, root));
  const remote = received(call.spanContext());
  const answered = stock.tracer.startSpan('look up', { kind: SpanKind.SERVER, startTime: at, attributes: { i } }, trace.setSpanContext(ROOT_CONTEXT, remote));
  if (root.isRecording()) report.sampledRoots++;
  if (answered.isRecording()) {
    const state = remote.traceState?.serialize() ?? '';
    report.states[state] = (report.states[state] ?? 0) + 1;
  }
  answered.end(at + 1);
  call.end(at + 2);
  root.end(at + 3);
}
await Promise.all([shop.shutdown(), stock.shutdown()]);
process.stdout.write(JSON.stringify(report));
