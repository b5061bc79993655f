import { CodedError } from './errors.ts';

/** When somebody who found no room should come again. */
const retryAfterMs = 1000;

/** Bytes that many hold at once, bounded over all of them. */
export class ByteBudget {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Opens the share of one holder, who must release it. */
  open(): ByteShare {
    let own = 0;
    return {
      add: (bytes) => {
        own += bytes;
        this.#bytes += bytes;
        if (this.#bytes > this.bytesMax) {
          throw new CodedError('RESOURCE_EXHAUSTED', 'receive_buffers_full', 'the receiver has too much under way; come again later', { retryAfterMs });
        }
      },
      release: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}

/** What one holder has of a budget. */
export interface ByteShare {
  /** Counts `bytes` more; throws RESOURCE_EXHAUSTED / receive_buffers_full where they do not fit. They are counted until `release`, even so. */
  add(bytes: number): void;
  release(): void;
}
