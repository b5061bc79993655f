import type { BatchLayout, OtapBatch } from '../otap/batch.ts';
import { reopenBatch } from '../otap/decode/reopen-batch.ts';
import type { BufferSource } from '../otap/ipc/buffer-source.ts';
import { reopenOtlp } from '../otlp/decode/decode-otlp.ts';
import { readRetainedHeader, retainedBody, type WithoutThreshold } from './retained-batch.ts';

/** Bytes that all held batches of a process take. */
export interface HeldBytes {
  retained: number;
}

/**
 * A batch that waits for decisions: its serialised form, and the layout to read it with. Every slot that has rows of
 * it holds it; when the last one lets go, its bytes no longer count.
 */
export class HeldBatch {
  readonly ordinal: number;
  readonly withoutThreshold: WithoutThreshold;
  /** Log records have a randomness of their own. */
  readonly ownRandomness: boolean;
  readonly bytes: Uint8Array;
  /** Rows of its root table. */
  readonly rowCount: number;
  readonly layout: BatchLayout;
  readonly #isChecked: boolean;
  readonly #isOtlp: boolean;
  readonly #account: HeldBytes;
  #holders = 0;

  constructor(bytes: Uint8Array, rowCount: number, layout: BatchLayout, account: HeldBytes) {
    const header = readRetainedHeader(bytes);
    this.ordinal = header.batchOrdinal;
    this.withoutThreshold = header.withoutThreshold;
    this.ownRandomness = header.ownRandomness === true;
    this.#isChecked = header.isChecked;
    this.#isOtlp = header.isOtlp === true;
    this.bytes = bytes;
    this.rowCount = rowCount;
    this.layout = layout;
    this.#account = account;
  }

  get byteLength(): number {
    return this.bytes.length + this.layout.byteLength;
  }

  hold(): void {
    if (this.#holders++ === 0) this.#account.retained += this.byteLength;
  }

  release(): void {
    if (--this.#holders === 0) this.#account.retained -= this.byteLength;
  }

  /** The batch, read again from its bytes into memory of `source`; where `rows` (ascending) are given, others may be empty. */
  open(source?: BufferSource, rows: Uint32Array | null = null): OtapBatch {
    if (this.#isOtlp) return reopenOtlp(this.layout, retainedBody(this.bytes, source), source, rows);
    return reopenBatch(this.layout, retainedBody(this.bytes), source, this.#isChecked);
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
