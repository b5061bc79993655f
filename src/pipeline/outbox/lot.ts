import type { SampledSignal } from '../../store/slot-plan.ts';
import type { HeldBatch } from '../../store/held-batch.ts';
import type { KeptMarks } from '../dropped-rows.ts';
import type { LoggedRows } from '../journal/decided-record.ts';
import type { KeptRows } from '../kept-rows.ts';

/** The record of the journal that says what is kept of a lot. */
export interface LotRecord {
  readonly segment: number;
  readonly slot: number;
  /** Set for traces that were decided before their window, at this time. */
  readonly earlyAtUnixNano?: bigint;
}

/** Kept rows that go out together: those of a window, or late ones. */
export interface Lot {
  readonly kept: readonly KeptRows[];
  /** `none`: no record says what is kept, so its numbers wait in memory; null: it cannot be read again. */
  readonly record: LotRecord | 'none' | null;
  /** Gets the rows that went, or were lost; null where nobody wants the others. */
  readonly marks: KeptMarks | null;
}

/** The record that a decision was logged in, in a segment: null where it could not be, and so for a decision that is not logged. */
export function recordOf(segment: number | null | undefined, decision: Omit<LotRecord, 'segment'>): LotRecord | null {
  return segment === null || segment === undefined ? null : { ...decision, segment };
}

/** Where a lot is read again. */
export interface LotPlace {
  readonly signal: SampledSignal;
  /** Segments of the journal in which its batches lie. */
  readonly first: number;
  readonly last: number;
  /** What is kept, by a record, or as it is where none says it. */
  readonly kept: LotRecord | readonly LoggedRows[];
  /** Bytes of its batches. */
  readonly bytes: number;
}

/** Rows of a lot that a sink took before it fell behind, by the form in which it gets them. */
export interface TakenOfLot {
  readonly tables: number;
  readonly spliced: number;
}

export const noneTaken: TakenOfLot = { tables: 0, spliced: 0 };

/** Bytes of memory that a lot takes which waits on the disk, roughly. */
export function waitingBytesOf({ kept }: LotPlace): number {
  return 200 + (isLogged(kept) ? 0 : kept.reduce((sum, { rows }) => sum + 200 + rows.length * 16, 0));
}

export function isLogged(kept: LotPlace['kept']): kept is LotRecord {
  return !Array.isArray(kept);
}

/** Where a lot can be read again; null where something of it lies in memory alone. `segmentOf` gives the segment of a batch that is durable, null for others. */
export function placeOf(signal: SampledSignal, { kept, record }: Pick<Lot, 'kept' | 'record'>, segmentOf: (batch: HeldBatch) => number | null): LotPlace | null {
  if (record === null) return null;
  const batches = new Set(kept.flatMap(({ batch, rows }) => (rows.length > 0 ? [batch] : [])));
  let [first, last, bytes] = [Infinity, -1, 0];
  for (const batch of batches) {
    const segment = segmentOf(batch);
    if (segment === null) return null;
    [first, last, bytes] = [Math.min(first, segment), Math.max(last, segment), bytes + batch.byteLength];
  }
  return { signal, first, last, bytes, kept: record === 'none' ? kept.map(({ batch, ...rows }) => ({ ...rows, ordinal: batch.ordinal })) : record };
}
