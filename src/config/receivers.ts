import { components, list } from './collections.ts';
import type { Kind, ValueOf } from './kind.ts';
import { duration, endpoint, filePath, flag, integer, oneOf, positiveOr, size, text } from './scalars.ts';
import { option, optional, required, section } from './section.ts';
import { listenerSecurity } from './security.ts';

const collectorHints = { protocols: 'write grpc and http directly under the receiver, without protocols' };

const inputWithoutThreshold = option('input_without_threshold', oneOf('unsampled', 'unknown'), 'unsampled',
  'What an item stands for that says nothing of sampling: itself alone (`unsampled`), or nobody knows (`unknown`: weight 1, and it leaves without threshold and count).');

const readTimeoutMs = option('read_timeout', duration({ min: 100 }), '30s',
  'Longest time that one request, or one message of a stream, may take to come; slower senders are refused.');

const grpcListener = section('A gRPC server.', {
  endpoint: option('endpoint', endpoint, '127.0.0.1:4317', 'Where to listen. `0.0.0.0:4317` is all interfaces, which needs `tls`, or `insecure: true`.'),
  maxRecvMsgBytes: option('max_recv_msg_size', size({ min: 1024, max: 2 ** 31 - 1 }), '16MiB', 'Greatest message, compressed or not; larger ones are answered with RESOURCE_EXHAUSTED.'),
  maxConcurrentStreams: option('max_concurrent_streams', integer({ min: 1, max: 100_000 }), 100, 'Streams and calls that one connection may have open at once.'),
  readTimeoutMs,
  ...listenerSecurity,
}, { max_recv_msg_size_mib: 'write max_recv_msg_size: 16MiB', transport: 'only TCP is served' });

const cors = section('Browsers that send from pages of other origins.', {
  allowedOrigins: required('allowed_origins', list(text), 'Origins of such pages, for example `https://shop.example`; `*` stands for any characters: `https://*.shop.example`.'),
  allowedHeaders: option('allowed_headers', list(text), [], 'Headers that pages may send beside `content-type` and those that always may; `*` stands for all.'),
  maxAgeMs: option('max_age', duration(), '2h', 'How long a browser may remember what is allowed.'),
});

const httpListener = section('An HTTP/1.1 server: POST to `/v1/traces`, `/v1/logs` and `/v1/metrics`, protobuf or JSON.', {
  endpoint: option('endpoint', endpoint, '127.0.0.1:4318', 'Where to listen. `0.0.0.0:4318` is all interfaces, which needs `tls`, or `insecure: true`.'),
  maxBodyBytes: option('max_request_body_size', size({ min: 1024, max: 2 ** 31 - 1 }), '16MiB', 'Greatest body as it comes, compressed or not; larger ones are answered with 413.'),
  maxInflatedBytes: option('max_decompressed_size', size({ min: 1024, max: 2 ** 31 - 1 }), '32MiB', 'Greatest body after decompression; larger ones are answered with 413.'),
  readTimeoutMs,
  cors: optional('cors', cors, 'CORS. Without it browsers may not send from pages of other origins.'),
  ...listenerSecurity,
}, { traces_url_path: 'paths are those of the OTLP specification', logs_url_path: 'paths are those of the OTLP specification', metrics_url_path: 'paths are those of the OTLP specification' });

const validate = option('validate', oneOf('all', 'read'), 'all',
  'What is checked before a batch is acknowledged: every value, or only what is read on the way (bad values elsewhere then cost their item later).');

const otlpReceiver = withOneOf(section('Serves OTLP over gRPC and HTTP, and OTAP (ArrowTracesService, ArrowLogsService, ArrowMetricsService) on the same gRPC port. At least one of the two is needed.', {
  grpc: optional('grpc', grpcListener, 'The gRPC server; `grpc: {}` takes the defaults.'),
  http: optional('http', httpListener, 'The HTTP server; `http: {}` takes the defaults.'),
  inputWithoutThreshold,
  validate,
}, collectorHints), ['grpc', 'http']);

const otapReceiver = section('Another name for `otlp` with `grpc` alone: both protocols are served.', {
  grpc: required('grpc', grpcListener, 'The gRPC server; `grpc: {}` takes the defaults.'),
  inputWithoutThreshold,
  validate,
}, { ...collectorHints, http: 'OTLP over HTTP is an otlp receiver\'s' });

const otapFileReceiver = section('Reads a capture file: repeated [uvarint length][BatchArrowRecords].', {
  path: required('path', filePath, 'The capture file.'),
  loop: option('loop', flag, false, 'Start again at the end, with times moved on.'),
  speed: option('speed', positiveOr('max'), 'max', 'How fast recorded time passes: 1 is as it was recorded, `max` as fast as it can be read.'),
  inputWithoutThreshold,
});

/** All receivers. The OTAP services live on the gRPC port of OTLP, so `otlp` and `otap` differ in name and in HTTP alone. */
export const receivers = components({ otlp: otlpReceiver, otap: otapReceiver, otap_file: otapFileReceiver }, 'otlp: { grpc: {}, http: {} }');

/** A section in which one of the optional options `keys` must be written; their names in the typed configuration are the same. */
function withOneOf<T extends object>(kind: Kind<T>, keys: readonly (keyof T & string)[]): Kind<T> {
  return {
    ...kind,
    schema: { ...kind.schema, anyOf: keys.map((key) => ({ required: [key] })) },
    read: (input, place) => {
      const value = kind.read(input, place);
      if (value === undefined || keys.some((key) => value[key] !== null)) return value;
      return place.fail(`needs ${keys.join(' or ')}, or both; ${keys[0]}: {} takes the defaults`);
    },
  };
}

type Components<K> = ValueOf<K> extends readonly (infer C)[] ? C : never;
export type ReceiverConfig = Components<typeof receivers>;
export type GrpcListenerConfig = ValueOf<typeof grpcListener>;
export type HttpListenerConfig = ValueOf<typeof httpListener>;
export type CorsConfig = ValueOf<typeof cors>;
