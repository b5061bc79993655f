import type { BufferSource } from '../base/buffer-source.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { ItemStamps } from '../otap/take/item-stamps.ts';
import { capInput } from '../sampling/cap-input.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { takeRootInput } from '../sampling/root-input.ts';
import { stampRows, type TracestateCache } from '../sampling/stamp.ts';
import { inputSource, readBatchInput } from '../store/input-columns.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { type KeepReasons, noReason } from './keep-reasons.ts';
import type { KeptRows } from './kept-rows.ts';

/** What was written on kept rows. */
export interface StampCounts {
  kept: number;
  /** Sum of adjusted counts; an item of unknown probability counts one. */
  estimate: number;
  unknown: number;
  /** Items whose incoming threshold contradicted their randomness (sampling.md, rule 2). */
  contradicted: number;
  /** Spans whose tracestate had no room for a threshold: they leave with the count alone. */
  withoutRoom: number;
}

export function noStamps(): StampCounts {
  return { kept: 0, estimate: 0, unknown: 0, contradicted: 0, withoutRoom: 0 };
}

export interface StampedRows {
  readonly rows: Uint32Array;
  readonly stamps: ItemStamps;
}

/**
 * Works out what sampling writes on each kept row of a batch, drops rows that do not reach their threshold, and counts. `reasons`: where
 * the rows' reasons are written; null where they are not. What is read lies in `memory`, not what is given back.
 */
export function stampKept(
  batch: OtapBatch, kept: KeptRows, hash: KeyedHash, cache: TracestateCache, counts: StampCounts, reasons: KeepReasons | null = null, memory?: BufferSource,
): StampedRows {
  const { said, states } = readBatchInput(batch, inputSource(kept.batch), hash, kept.rows, memory);
  const { rootN = null } = kept;
  if (rootN !== null) takeRootInput(said, states, kept.rows, rootN);
  if (kept.nMax !== undefined) capInput(states, kept.rows, kept.nMax);
  const isByTrace = signalOf(batch) === 'traces' && !kept.isUndecided;
  const stamps = stampRows(said, states, { rows: kept.rows, n: kept.n, nSplit: kept.nSplit, nCeiling: kept.nCeiling, decidedBy: isByTrace ? 'trace' : 'row' }, hash, cache);
  counts.kept += stamps.rows.length;
  counts.estimate += stamps.estimate;
  counts.unknown += stamps.unknownCount;
  counts.contradicted += stamps.contradictedCount;
  counts.withoutRoom += stamps.noRoomCount;
  if (reasons === null && (kept.partial ?? null) === null) return { rows: stamps.rows, stamps };
  const policy = reasons === null ? null : policiesOf(stamps.rows, kept, reasons);
  return { rows: stamps.rows, stamps: { ...stamps, policy, partial: kept.partial ?? null } };
}

/** The names of the policies that kept each row; `rows` are some of the kept, in their order. */
function policiesOf(rows: Uint32Array, kept: KeptRows, reasons: KeepReasons): (string | null)[] {
  let at = 0;
  return Array.from(rows, (row) => {
    while (kept.rows[at] !== row) at++;
    return reasons.text(kept.reasons?.[at] ?? noReason);
  });
}

function signalOf(batch: OtapBatch): SampledSignal {
  return batch.signal === 'traces' ? 'traces' : 'logs';
}
