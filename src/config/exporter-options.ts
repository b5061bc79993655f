import { mapOf } from './collections.ts';
import { duration, filePath, flag, headerValue, integer, oneOf, size } from './scalars.ts';
import { clientAuth, clientTls } from './security.ts';
import { option, optional, required, section } from './section.ts';

export const retry = section('What happens to a batch that was not accepted and may be sent again.', {
  enabled: option('enabled', flag, true, 'Whether to send again at all.'),
  initialIntervalMs: option('initial_interval', duration({ min: 1 }), '1s', 'Wait before the first new attempt; it doubles from one to the next, with jitter.'),
  maxIntervalMs: option('max_interval', duration({ min: 1 }), '30s', 'Longest wait.'),
  maxElapsedMs: optional('max_elapsed_time', duration(), 'After this time the batch is given up and counted as lost; `0` never gives up. By default `5m`, and `0` with durability.'),
});

export const sendingQueue = section('Items that wait to be sent. Each exporter has a queue of its own.', {
  bytesMax: option('size_bytes', size({ min: 1024 }), '256MiB', 'Bytes of waiting batches.'),
  onFull: option('on_full', oneOf('wait', 'drop'), 'wait', 'What happens when it is full. `wait`: closed windows wait, for all exporters, and then the intake refuses; with durability nobody waits, but what is kept for this one on the disk. `drop`: what it has no room for is lost for this exporter alone, counted as `queue_full`.'),
}, { queue_size: 'write size_bytes', enabled: 'the queue is always there', num_consumers: 'order and number in flight are the exporter\'s own affair' });

export const deadLetter = section('Items that were not delivered, kept in capture files that `thresher replay` reads; FILE.jsonl beside each says why and when.', {
  directory: required('directory', filePath, 'Where the files go; it is made where it is not there. Several exporters may share it.'),
  bytesMax: option('max_size', size({ min: 2 ** 20 }), '1GiB', 'Bytes of all files of this exporter there, also of earlier runs. Beyond, items are lost and counted until files are removed.'),
  keep: option('keep', oneOf('refused', 'all'), 'refused', '`refused`: what the next hop refused for good. `all`: also what was given up after `max_elapsed_time`, what a full queue dropped, and what was left at the end (unless `durability` keeps that).'),
}, { path: 'write directory' });
export const deadLetters = optional('dead_letter', deadLetter, 'Keeps what is not delivered. Without it that is counted and gone.');

const compression = oneOf('zstd', 'zstdarrow1', 'zstdarrow2', 'zstdarrow3', 'zstdarrow4', 'zstdarrow5', 'zstdarrow6', 'zstdarrow7', 'zstdarrow8',
  'zstdarrow9', 'zstdarrow10', 'gzip', 'none');

export const headers = mapOf(headerValue, /^(?!.*-[bB][iI][nN]$)[A-Za-z0-9_.-]+$/, 'letters, digits, _ . and - (but not -bin at its end)');

/** Options of sending OTAP over gRPC streams, but for where to and what becomes of what is not delivered. */
export const otapOptions = {
  compression: option('compression', compression, 'zstd', 'Of gRPC messages. `zstdarrowN` are the names that the Collector\'s otelarrow components use.'),
  compressionLevel: option('compression_level', integer({ min: 1, max: 19 }), 3, 'Level of `zstd`, and of `gzip`, where 9 is the last.'),
  headers: option('headers', headers, {}, 'Metadata of each stream, for example `x-tenant: shop`.'),
  tls: option('tls', clientTls, {}, 'TLS.'),
  auth: clientAuth,
  sendingQueue: option('sending_queue', sendingQueue, {}, 'The queue.'),
  retry: option('retry_on_failure', retry, {}, 'Retries.'),
  maxBatchRows: option('max_batch_rows', integer({ min: 1, max: 65_535 }), 8192, 'Spans or log records of one batch at most. All exporters get the same batches: the least of their limits holds.'),
  omitMetricAttributes: option('omit_metric_attributes', flag, false, 'Leave out the attributes (metadata) of metrics: the Collector\'s otelarrow receiver at 0.50 refuses batches that have them. Left out by itself once a consumer has refused one for them.'),
  timeoutMs: option('timeout', duration({ min: 1 }), '10s', 'How long to wait for a batch\'s acknowledgement.'),
  maxStreamLifetimeMs: option('max_stream_lifetime', duration({ min: 1000 }), '30s', 'A stream is replaced after this time, so that load balancers can move it.'),
} as const;

export const plainCompression = oneOf('gzip', 'zstd', 'none');
export const requestBytesMax = option('max_request_size', size({ min: 1024 }), '4MB',
  'Greatest request, before compression; a batch that is larger goes in several. Collectors take 4 MiB over gRPC where nothing else is said.');

/** The same of OTLP over gRPC. */
export const otlpOptions = {
  compression: option('compression', plainCompression, 'gzip', 'Of messages.'),
  compressionLevel: option('compression_level', integer({ min: 1, max: 19 }), 3, 'Level of `zstd`, and of `gzip`, where 9 is the last.'),
  headers: option('headers', headers, {}, 'Metadata of each call, for example `x-tenant: shop`.'),
  tls: option('tls', clientTls, {}, 'TLS.'),
  auth: clientAuth,
  sendingQueue: option('sending_queue', sendingQueue, {}, 'The queue.'),
  retry: option('retry_on_failure', retry, {}, 'Retries, by OTLP\'s rules for which answers may be sent again.'),
  requestBytesMax,
  timeoutMs: option('timeout', duration({ min: 1 }), '10s', 'How long to wait for a request\'s answer.'),
} as const;
