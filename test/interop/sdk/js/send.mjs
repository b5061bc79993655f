// Sends telemetry with the OpenTelemetry SDK for JavaScript, as an application would.
//
//   node send.mjs grpc|http|proto ENDPOINT
//
// Prints JSON: what the SDK handed to its exporters, as OTLP requests in JSON by the SDK's own writer, and how each export went.
import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { JsonLogsSerializer, JsonMetricsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const [kind, endpoint] = process.argv.slice(2);
const report = { traces: [], logs: [], metrics: [], failed: [] };
const traces = 300;
const recordsOfTrace = 2;

const exporterOf = async (signal, name, path) => {
  const loaded = await import(`@opentelemetry/exporter-${path}-otlp-${kind}`);
  return new loaded[name]({ url: kind === 'grpc' ? endpoint : `${endpoint}/v1/${signal}` });
};

/** The exporter, and beside it what it is given. */
function recording(signal, exporter, serializer) {
  return new Proxy(exporter, {
    get(target, property) {
      if (property !== 'export') return typeof target[property] === 'function' ? target[property].bind(target) : target[property];
      return (batch, done) => {
        report[signal].push(JSON.parse(Buffer.from(serializer.serializeRequest(batch)).toString()));
        target.export(batch, (result) => {
          if (result.code !== 0) report.failed.push(`${signal}: ${result.error}`);
          done(result);
        });
      };
    },
  });
}

const resource = resourceFromAttributes({
  'service.name': `js-${kind}`, 'service.instance.id': 'one', 'process.pid': 42, 'process.command_args': ['node', 'send.mjs'], 'host.ratio': 0.25, 'host.spot': false,
});
const spanExporter = recording('traces', await exporterOf('traces', 'OTLPTraceExporter', 'trace'), JsonTraceSerializer);
const logExporter = recording('logs', await exporterOf('logs', 'OTLPLogExporter', 'logs'), JsonLogsSerializer);
const metricExporter = recording('metrics', await exporterOf('metrics', 'OTLPMetricExporter', 'metrics'), JsonMetricsSerializer);
const tracerProvider = new TracerProvider({ resource, spanProcessors: [new BatchSpanProcessor({ exporter: spanExporter })] });
const loggerProvider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: logExporter })] });
const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
const meterProvider = new MeterProvider({
  resource, readers: [reader], views: [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
});
const tracer = tracerProvider.getTracer('shop', '1.2.3', { schemaUrl: 'https://opentelemetry.io/schemas/1.30.0' });
const logger = loggerProvider.getLogger('shop.log', '1.2.3');
const meter = meterProvider.getMeter('shop.metrics', '1.2.3');
const requests = meter.createCounter('requests', { unit: '{request}', description: 'Requests by route' });
const open = meter.createUpDownCounter('open');
const load = meter.createGauge('load');
const duration = meter.createHistogram('duration', { unit: 'ms' });
const size = meter.createHistogram('size', { unit: 'By' });

for (let i = 0; i < traces; i++) {
  const root = tracer.startSpan(`GET /item/${i % 7}`, { kind: SpanKind.SERVER, attributes: { 'http.route': '/item/{id}', i, ratio: i / 7, even: i % 2 === 0, empty: '', list: [1, 2, i], names: ['a', ''] } });
  const within = trace.setSpan(context.active(), root);
  const child = tracer.startSpan('SELECT item', { kind: SpanKind.CLIENT, attributes: { 'db.system': 'duckdb' }, links: [{ context: root.spanContext(), attributes: { 'link.kind': 'cause' } }] }, within);
  child.addEvent('row', { rows: i });
  if (i % 10 === 0) child.recordException(new Error('broken'));
  child.setStatus(i % 10 === 0 ? { code: SpanStatusCode.ERROR, message: 'it broke' } : { code: SpanStatusCode.OK });
  for (let j = 0; j < recordsOfTrace; j++) logger.emit({ severityNumber: 9 + j, severityText: 'INFO', body: j === 0 ? `item ${i}` : { item: i, nested: { ok: true, list: [1, 'two'] } }, attributes: { i, 'log.kind': 'access' }, context: within });
  child.end();
  root.end();
  requests.add(1, { route: `/item/${i % 7}` });
  open.add(i % 2 === 0 ? 1 : -1);
  load.record(i / 10);
  duration.record(i * 1.5, { route: `/item/${i % 7}` });
  size.record(i * i);
}
logger.emit({ body: 'outside of any trace', severityNumber: 17 });
await Promise.allSettled([tracerProvider.shutdown(), loggerProvider.shutdown(), meterProvider.shutdown()]);
process.stdout.write(JSON.stringify(report));
