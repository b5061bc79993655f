import { components, list } from './collections.ts';
import type { ValueOf } from './kind.ts';
import { loadBalancingExporter } from './balancing.ts';
import { type deadLetter, deadLetters, headers, otapOptions, otlpOptions, plainCompression, requestBytesMax, retry, sendingQueue } from './exporter-options.ts';
import { duration, endpoint, filePath, httpUrl, integer, oneOf, size } from './scalars.ts';
import { option, optional, required, section } from './section.ts';
import { clientAuth, httpTls } from './security.ts';

const otapExporter = section('Sends OTAP over gRPC streams.', {
  endpoint: required('endpoint', endpoint, 'The next hop.'),
  ...otapOptions,
  deadLetter: deadLetters,
});

const otlpExporter = section('Sends OTLP over gRPC.', {
  endpoint: required('endpoint', endpoint, 'The next hop.'),
  moreEndpoints: option('more_endpoints', list(endpoint), [], 'Further ones: all take turns, and one that does not answer rests.'),
  ...otlpOptions,
  deadLetter: deadLetters,
});

const otlpHttpExporter = section('Sends OTLP over HTTP: POST to `/v1/traces`, `/v1/logs` and `/v1/metrics` under the endpoint.', {
  endpoint: required('endpoint', httpUrl, 'The next hop, for example `http://collector:4318`.'),
  moreEndpoints: option('more_endpoints', list(httpUrl), [], 'Further ones: all take turns, and one that does not answer rests.'),
  encoding: option('encoding', oneOf('proto', 'json'), 'proto', 'Of requests.'),
  compression: option('compression', plainCompression, 'gzip', 'Of requests (content-encoding).'),
  compressionLevel: option('compression_level', integer({ min: 1, max: 19 }), 3, 'Level of `zstd`, and of `gzip`, where 9 is the last.'),
  headers: option('headers', headers, {}, 'Headers of each request, for example `x-tenant: shop`.'),
  tls: option('tls', httpTls, {}, 'TLS.'),
  auth: clientAuth,
  sendingQueue: option('sending_queue', sendingQueue, {}, 'The queue.'),
  retry: option('retry_on_failure', retry, {}, 'Retries, by OTLP\'s rules for which answers may be sent again.'),
  deadLetter: deadLetters,
  requestBytesMax,
  timeoutMs: option('timeout', duration({ min: 1 }), '10s', 'How long to wait for a request\'s answer.'),
}, { traces_endpoint: 'write endpoint without /v1/traces', logs_endpoint: 'write endpoint without /v1/logs', metrics_endpoint: 'write endpoint without /v1/metrics' });

const otapFileExporter = section('Writes a capture file.', {
  path: required('path', filePath, 'The file, written anew, one a signal: `{signal}` in it is replaced, else the signal goes before the ending (out.otap becomes out.traces.otap). `{time}` is when the file was begun (20261121T174100.123Z), so that earlier ones stay.'),
  bytesMax: optional('max_size', size({ min: 2 ** 20 }), 'A file that has come to this size is followed by another. It needs `{time}` in the path.'),
});

const debugExporter = section('Logs a line a batch, and prints its items if it is told to; for trying policies out.', {
  verbosity: option('verbosity', oneOf('basic', 'normal', 'detailed'), 'basic', 'What is shown beside the line: nothing, a line an item, or all that an item holds.'),
  output: option('output', oneOf('stderr', 'stdout'), 'stderr', 'Where items are printed.'),
  itemsMax: option('items_max', integer({ min: 1 }), 100, 'Items printed in a second at most. Further ones are counted.'),
}, { sampling_initial: 'write items_max', sampling_thereafter: 'write items_max', use_internal_logger: 'write output' });

export const exporters = components({ otap: otapExporter, otlp: otlpExporter, otlphttp: otlpHttpExporter, load_balancing: loadBalancingExporter, otap_file: otapFileExporter, debug: debugExporter }, 'debug: {}');

type Components<K> = ValueOf<K> extends readonly (infer C)[] ? C : never;
export type ExporterConfig = Components<typeof exporters>;
export type DeadLetterConfig = ValueOf<typeof deadLetter>;
