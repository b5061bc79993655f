import type { ByteShare } from '../base/byte-budget.ts';
import { CodedError } from '../base/errors.ts';
import { MessageInflater } from '../grpc/message-encoding.ts';
import { isOneZstdFrame } from '../grpc/zstd-frames.ts';
import type { TelemetryMessage } from '../pipeline/intake-port.ts';
import { bodyTooLarge, HttpRefusal } from './http-answer.ts';
import type { ContentEncoding } from './http-head.ts';

/** Undoes content-encodings. One for a server: it learns how far bodies expand. */
export class ContentDecoder {
  readonly #bytesMax: number;
  readonly #inflaters: { readonly [encoding in Exclude<ContentEncoding, 'identity'>]: MessageInflater };

  /** `bytesMax` bounds what a body is after decompression. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    const inflater = (encoding: Exclude<ContentEncoding, 'identity'>): MessageInflater => new MessageInflater(encoding, bytesMax);
    this.#inflaters = { gzip: inflater('gzip'), deflate: inflater('deflate'), zstd: inflater('zstd') };
  }

  /**
   * The body's message, with what came beside it where others can read that too; what is inflated counts in `share`.
   * Throws 413 message_too_large, 400 undecodable_message, what `share` throws.
   */
  async decode(body: Buffer, encoding: ContentEncoding, share: ByteShare): Promise<TelemetryMessage> {
    if (encoding === 'identity') {
      if (body.length > this.#bytesMax) throw bodyTooLarge(this.#bytesMax);
      return { bytes: body, compressed: null, encoding };
    }
    try {
      let reserved = 0;
      const bytes = await this.#inflaters[encoding].inflate(body, (expected) => {
        reserved = expected;
        share.add(expected);
      });
      share.add(Math.max(0, bytes.length - reserved));
      const isPlain = encoding === 'deflate' || (encoding === 'zstd' && !isOneZstdFrame(body));
      return { bytes, compressed: isPlain ? null : body, encoding };
    } catch (error) {
      throw error instanceof CodedError ? refusalOf(error) : error;
    }
  }
}

/** What gRPC calls INTERNAL is the sender's fault in HTTP. */
function refusalOf(error: CodedError): CodedError {
  const { status, reason, message } = error;
  if (reason === 'message_too_large') return new HttpRefusal(413, status, reason, message);
  return status === 'INTERNAL' ? new HttpRefusal(400, 'INVALID_ARGUMENT', reason, message) : error;
}
