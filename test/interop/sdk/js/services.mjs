// Twenty services with the OpenTelemetry SDK for JavaScript, whose traces of one span begin at Zipf's rates, each with a sampler of its own.
//
//   node services.mjs OTLP_ENDPOINT SAMPLER_MODULE HEAD_ENDPOINT TRACES_A_SECOND SECONDS UP DOWN
//
// SAMPLER_MODULE is the URL of a module with HeadSampler, which asks HEAD_ENDPOINT each second. The first service begins TRACES_A_SECOND. From second UP to second DOWN the
// second begins ten times as many, and the third a tenth; the fourth begins with UP; half of the fifth's traces fail in the five seconds that begin five after UP. Prints after each second's
// traces a line of JSON: the time, how many traces have begun, and how many of these were sampled.
import { ROOT_CONTEXT, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const [endpoint, samplerModule, headEndpoint, mostPerSecond, seconds, up, down] = process.argv.slice(2);
const { HeadSampler } = await import(samplerModule);
const ticksPerSecond = 20;

const services = Array.from({ length: 20 }, (_, i) => {
  const name = `s${i}`;
  const sampler = new HeadSampler({ serviceName: name, endpoint: headEndpoint, pollIntervalMs: 1000 });
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, concurrencyLimit: 1000 });
  const provider = new TracerProvider({
    sampler, resource: resourceFromAttributes({ 'service.name': name }), spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 200, maxQueueSize: 100_000 })] });
  return { name, provider, sampler, tracer: provider.getTracer('services'), perTick: Number(mostPerSecond) / (i + 1) / ticksPerSecond, owed: 0, begun: 0, sampled: 0 };
});
await Promise.all(services.map(({ sampler }) => sampler.polledOnce));

/** What a service's load is multiplied with. */
function factor(rank, second) {
  const isStep = second >= Number(up) && second < Number(down);
  if (rank === 3) return second < Number(up) ? 0 : 1;
  return isStep && rank === 1 ? 10 : isStep && rank === 2 ? 0.1 : 1;
}

const fails = (rank, second, begun) => rank === 4 && second >= Number(up) + 5 && second < Number(up) + 10 && begun % 2 === 0;

const totals = () => services.reduce((all, { begun, sampled }) => ({ begun: all.begun + begun, sampled: all.sampled + sampled }), { begun: 0, sampled: 0 });
for (let tick = 0; tick < ticksPerSecond * Number(seconds); tick++) {
  const second = Math.floor(tick / ticksPerSecond);
  for (const [rank, service] of services.entries()) {
    for (service.owed += service.perTick * factor(rank, second); service.owed >= 1; service.owed--) {
      const span = service.tracer.startSpan('work', { attributes: { second } }, ROOT_CONTEXT);
      service.begun++;
      if (span.isRecording()) service.sampled++;
      if (fails(rank, second, service.begun)) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    }
  }
  if (tick % ticksPerSecond === ticksPerSecond - 1) process.stdout.write(`${JSON.stringify({ ms: performance.now(), ...totals() })}\n`);
  await new Promise((resolve) => setTimeout(resolve, 1000 / ticksPerSecond));
}
await Promise.all(services.map(({ provider, sampler }) => Promise.all([provider.shutdown(), sampler.shutdown()])));
