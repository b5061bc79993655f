import type { Seam } from '../base/seam.ts';
import { withDeadline } from '../base/with-deadline.ts';
import { GrpcChannel } from '../grpc/client.ts';
import type { StreamEncoding } from '../grpc/client-stream.ts';
import type { GrpcStatus } from '../grpc/status.ts';
import type { Signal } from '../otap/payload-type.ts';
import { otlpGrpcPaths } from '../otlp/services.ts';
import type { ClientAuth } from '../security/client-auth.ts';
import type { ClientTls } from '../security/client-tls.ts';
import { isRetryableGrpc, type OtlpAnswer, type OtlpTransport, unanswered, withNewCredentials } from './otlp-answer.ts';
import { partialSuccessOf } from './otlp-response.ts';

export interface OtlpGrpcOptions {
  readonly endpoint: string;
  readonly tls: ClientTls | null;
  readonly auth: ClientAuth | null;
  /** Metadata of each call; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly encoding: StreamEncoding;
  readonly timeoutMs: number;
  readonly seam: Seam;
  readonly onWireBytes: (signal: Signal, bytes: number) => void;
}

/** OTLP over gRPC: a unary Export for each request. */
export class OtlpGrpcTransport implements OtlpTransport<Signal> {
  readonly endpoint: string;
  readonly #options: OtlpGrpcOptions;
  readonly #channel: GrpcChannel;

  constructor(options: OtlpGrpcOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    this.#channel = new GrpcChannel({ endpoint: options.endpoint, tls: options.tls, auth: options.auth, headers: options.headers });
  }

  async send(signal: Signal, request: Uint8Array<ArrayBuffer>): Promise<OtlpAnswer> {
    const { encoding, seam, timeoutMs, onWireBytes, auth } = this.#options;
    const authorization = auth?.header ?? null;
    let response = new Uint8Array(0);
    const stream = this.#channel.openStream(otlpGrpcPaths[signal], encoding, (message) => {
      response = Uint8Array.from(message);
    }, timeoutMs);
    let timedOut = false;
    const giveUp = (): void => {
      timedOut = true;
      stream.cancel();
    };
    const status = await withDeadline(seam, timeoutMs, giveUp, async () => {
      onWireBytes(signal, await stream.write(request));
      stream.closeSend();
      return stream.ended;
    });
    if (timedOut && status.status !== 'OK') return unanswered('timeout', `no answer within ${timeoutMs} ms`);
    return withNewCredentials(answerOf(status, response), auth, authorization);
  }

  close(): void {
    this.#channel.close();
  }
}

function answerOf({ status, message, retryAfterMs }: GrpcStatus, response: Uint8Array): OtlpAnswer {
  if (status === 'OK') return { kind: 'accepted', ...partialSuccessOf(response) };
  return { kind: 'refused', retryable: isRetryableGrpc(status, retryAfterMs), reason: status.toLowerCase(), message, retryAfterMs };
}
