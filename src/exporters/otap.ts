import type { Seam } from '../base/seam.ts';
import { GrpcChannel } from '../grpc/client.ts';
import { levelDefault, type MessageEncoding } from '../grpc/message-encoding.ts';
import type { Signal } from '../otap/payload-type.ts';
import { otapPaths } from '../otap/proto/services.ts';
import type { ClientAuth } from '../security/client-auth.ts';
import type { ClientTls } from '../security/client-tls.ts';
import type { Logger } from '../telemetry/log.ts';
import { OtapSender } from './otap-sender.ts';
import type { OtapStreamEncoderPort } from './otap-stream.ts';
import type { ExportResult, RetryPolicy } from './retry.ts';

/** Fields as in the configuration of an `otap` exporter; times in milliseconds. */
export interface OtapExporterOptions<B> {
  readonly endpoint: string;
  /** Null connects without TLS. */
  readonly tls?: ClientTls | null;
  /** The `authorization` of each stream; null is none. */
  readonly auth?: ClientAuth | null;
  /** Metadata of each stream; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly compression?: Exclude<MessageEncoding, 'identity' | 'deflate'> | 'none';
  /** Of `zstd`, 1 to 19. */
  readonly compressionLevel?: number;
  readonly retry?: RetryPolicy;
  readonly timeoutMs?: number;
  readonly maxStreamLifetimeMs?: number;
  /** Unacknowledged batches of one signal; default 8. */
  readonly inFlightMax?: number;
  /** Makes the encoder of a new stream of a signal; `plain` without what not every consumer knows, once one has said so. */
  readonly encode: (signal: Signal, plain: boolean) => OtapStreamEncoderPort<B>;
  readonly seam: Seam;
  readonly log: Logger;
  readonly onRetry?: (signal: Signal, reason: string) => void;
  readonly onWireBytes?: (signal: Signal, bytes: number) => void;
}

const retryDefault: RetryPolicy = { enabled: true, initialIntervalMs: 1000, maxIntervalMs: 30_000, maxElapsedMs: 300_000 };

/** Sends OTAP over gRPC: one connection, and at most one stream in use a signal. */
export class OtapExporter<B> {
  readonly #channel: GrpcChannel;
  readonly #senders: { readonly [signal in Signal]: OtapSender<B> };

  constructor(options: OtapExporterOptions<B>) {
    this.#channel = new GrpcChannel({ endpoint: options.endpoint, tls: options.tls ?? null, auth: options.auth ?? null, headers: options.headers ?? {} });
    const sender = (signal: Signal): OtapSender<B> => senderOf(options, signal, this.#channel);
    this.#senders = { traces: sender('traces'), logs: sender('logs'), metrics: sender('metrics') };
  }

  /** Delivers one batch, sending again what was not acknowledged; see OtapSender.export. Never rejects. */
  export(signal: Signal, batch: B): Promise<ExportResult> {
    return this.#senders[signal].export(batch);
  }

  /** Takes no more batches, waits for those under way until the deadline, and closes the connection. */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all(Object.values(this.#senders).map((sender) => sender.close(deadlineMs)));
    this.#channel.close();
  }
}

function senderOf<B>(options: OtapExporterOptions<B>, signal: Signal, channel: GrpcChannel): OtapSender<B> {
  const compression = options.compression ?? 'zstd';
  return new OtapSender<B>({
    open: channel.openStream,
    path: otapPaths[signal],
    encoding: { encoding: compression === 'none' ? 'identity' : compression, level: options.compressionLevel ?? levelDefault },
    encode: (plain) => options.encode(signal, plain),
    seam: options.seam,
    log: options.log,
    retry: options.retry ?? retryDefault,
    timeoutMs: options.timeoutMs ?? 10_000,
    maxStreamLifetimeMs: options.maxStreamLifetimeMs ?? 30_000,
    inFlightMax: options.inFlightMax ?? 8,
    onRetry: (reason) => options.onRetry?.(signal, reason),
    onWireBytes: (bytes) => options.onWireBytes?.(signal, bytes),
  });
}
