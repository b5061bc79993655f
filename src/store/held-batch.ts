import type { BatchLayout, OtapBatch } from '../otap/batch.ts';
import { reopenBatch } from '../otap/decode/reopen-batch.ts';
import type { BufferSource } from '../otap/ipc/buffer-source.ts';
import { reopenOtlp } from '../otlp/decode/decode-otlp.ts';
import { readRetainedHeader, retainedBody, type WithoutThreshold } from './retained-batch.ts';
import type { StoredBody } from './stored-bodies.ts';

/** Bytes of memory that all held batches of a process take. */
export interface HeldBytes {
  retained: number;
}

/** Heap of the objects of a batch on the disk, those of its rows in a slot among them; 457 bytes were measured. */
const storedObjectBytes = 450;

/**
 * A batch that waits for decisions: its serialised form, in memory or on the disk, and the layout to read it with. Every slot that has rows of
 * it holds it; when the last one lets go, its bytes no longer count.
 */
export class HeldBatch {
  readonly ordinal: number;
  readonly withoutThreshold: WithoutThreshold;
  /** Log records have a randomness of their own. */
  readonly ownRandomness: boolean;
  /** Bytes of the serialised form, wherever it lies. */
  readonly serialisedBytes: number;
  /** Rows of its root table. */
  readonly rowCount: number;
  readonly layout: BatchLayout;
  readonly #isChecked: boolean;
  readonly #isOtlp: boolean;
  readonly #account: HeldBytes;
  #holders = 0;
  /** Null where it lies on the disk. */
  #bytes: Uint8Array | null;
  #stored: StoredBody | null = null;

  constructor(bytes: Uint8Array, rowCount: number, layout: BatchLayout, account: HeldBytes) {
    const header = readRetainedHeader(bytes);
    this.ordinal = header.batchOrdinal;
    this.withoutThreshold = header.withoutThreshold;
    this.ownRandomness = header.ownRandomness === true;
    this.#isChecked = header.isChecked;
    this.#isOtlp = header.isOtlp === true;
    this.#bytes = bytes;
    this.serialisedBytes = bytes.length;
    this.rowCount = rowCount;
    this.layout = layout;
    this.#account = account;
  }

  /** Serialised form and layout, wherever they lie. */
  get byteLength(): number {
    return this.serialisedBytes + this.layout.byteLength;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** The serialised form; null where it is not in memory, but at `stored`. */
  get bytes(): Uint8Array | null {
    return this.#bytes;
  }

  /** Where the serialised form lies on the disk; null where it is in memory. */
  get stored(): StoredBody | null {
    return this.#stored;
  }

  hold(): void {
    if (this.#holders++ === 0) this.#account.retained += this.#memoryBytes;
  }

  release(): void {
    if (--this.#holders > 0) return;
    this.#account.retained -= this.#memoryBytes;
    this.#stored?.release();
  }

  /** The serialised form lies on the disk now, and leaves memory; where nobody holds the batch any more, it is let go of there too. */
  store(stored: StoredBody): void {
    if (!this.isHeld) {
      stored.release();
      return;
    }
    this.#stored = stored;
    this.#bytes = null;
    this.#account.retained += this.#memoryBytes - this.byteLength;
  }

  /**
   * The batch, read again from its serialised form, which `bytes` must be where that lies on the disk, into memory of `source`; where `rows` (ascending) are
   * given, others may be empty.
   */
  open(source?: BufferSource, rows: Uint32Array | null = null, bytes: Uint8Array | null = this.#bytes): OtapBatch {
    if (bytes === null) throw new Error('invariant broken: a batch on the disk is read before it is opened');
    if (this.#isOtlp) return reopenOtlp(this.layout, retainedBody(bytes, source), source, rows);
    return reopenBatch(this.layout, retainedBody(bytes), source, this.#isChecked);
  }

  get #memoryBytes(): number {
    return (this.#bytes?.length ?? storedObjectBytes) + this.layout.byteLength;
  }
}

/** Consecutive rows of a slot that come from one batch. */
export interface RowRun {
  /** Slot row number of the first. */
  readonly seqStart: number;
  readonly count: number;
  readonly batch: HeldBatch;
  /** Row numbers in the batch's root table; null where they are 0 to count - 1. */
  readonly rows: Uint32Array | null;
}

/** Row numbers of a run in its batch's root table. */
export function rowsOfRun({ count, rows }: RowRun): Uint32Array {
  return rows ?? Uint32Array.from({ length: count }, (_, row) => row);
}

/** The run that holds slot row `seq`; runs are in order and without gaps. */
export function runIndexOf(runs: readonly RowRun[], seq: number): number {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (runs[middle].seqStart <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
}
