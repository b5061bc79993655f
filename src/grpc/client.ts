import grpc from '@grpc/grpc-js';
import { packageVersion } from '../base/package-paths.ts';
import type { ClientAuth } from '../security/client-auth.ts';
import type { ClientTls } from '../security/client-tls.ts';
import { passFrames } from './client-frames.ts';
import { DuplexClientStream, type ClientStream, type StreamEncoding } from './client-stream.ts';

export interface GrpcChannelOptions {
  /** `host:port`, or any target that grpc-js resolves. */
  readonly endpoint: string;
  /** Null connects without TLS. */
  readonly tls: ClientTls | null;
  /** Metadata of every call; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The `authorization` of each call; null is none. */
  readonly auth?: ClientAuth | null;
  /** Bound of a received message, before and after decompression; default 4 MiB. */
  readonly receiveBytesMax?: number;
}

/**
 * Opens a bidirectional stream; `onMessage` gets each message in order and must not throw. `timeoutMs` is what the server is told that it has
 * (`grpc-timeout`); to give up after it is the caller's.
 */
export type OpenClientStream = (path: string, encoding: StreamEncoding, onMessage: (message: Uint8Array) => void, timeoutMs?: number) => ClientStream;

const rawBytes = (bytes: Buffer): Buffer => bytes;

/**
 * A connection to one endpoint that comes back by itself: grpc-js with our message encodings. Messages are raw bytes.
 * Streams that cannot be had end at once with UNAVAILABLE; retrying is the caller's.
 */
export class GrpcChannel {
  readonly #client: grpc.Client;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #auth: ClientAuth | null;
  readonly #receiveBytesMax: number;

  constructor(options: GrpcChannelOptions) {
    this.#headers = options.headers;
    this.#auth = options.auth ?? null;
    this.#receiveBytesMax = options.receiveBytesMax ?? 4 * 1024 * 1024;
    this.#client = new grpc.Client(options.endpoint, credentialsOf(options.tls), channelOptions(options.tls, this.#receiveBytesMax));
    passFrames(this.#client);
  }

  readonly openStream: OpenClientStream = (path, encoding, onMessage, timeoutMs) => {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    if (this.#auth !== null) metadata.set('authorization', this.#auth.header);
    if (encoding.encoding !== 'identity') metadata.set('grpc-encoding', encoding.encoding);
    if (timeoutMs !== undefined) metadata.set('grpc-timeout', timeoutText(timeoutMs));
    const call = this.#client.makeBidiStreamRequest(path, rawBytes, rawBytes, metadata);
    const stream = new DuplexClientStream(call, encoding, this.#receiveBytesMax, onMessage);
    if (this.#auth !== null) void stream.ended.then(({ status }) => (status === 'UNAUTHENTICATED' ? this.#auth?.lookNow() : undefined));
    return stream;
  };

  /** Closes the connection; open streams end with CANCELLED or UNAVAILABLE. */
  close(): void {
    this.#client.close();
  }
}

/** At most eight digits and a unit (gRPC over HTTP/2, "Timeout"). */
function timeoutText(ms: number): string {
  return ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.min(Math.ceil(ms / 1000), 99_999_999)}S`;
}

function credentialsOf(tls: ClientTls | null): grpc.ChannelCredentials {
  return tls === null ? grpc.credentials.createInsecure() : grpc.credentials.createFromSecureContext(tls.secureContext);
}

function channelOptions(tls: ClientTls | null, receiveBytesMax: number): grpc.ChannelOptions {
  return {
    'grpc.primary_user_agent': `thresher/${packageVersion()}`,
    'grpc.enable_retries': 0,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.initial_reconnect_backoff_ms': 500,
    'grpc.max_reconnect_backoff_ms': 10_000,
    'grpc.max_receive_message_length': receiveBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
    ...(tls?.serverName == null ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
  };
}
