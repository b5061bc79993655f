import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import type { Session } from '../store/duckdb.ts';
import { runIndexOf } from '../store/held-batch.ts';
import type { Slot } from '../store/slot.ts';
import type { RowFacts } from './kept-of-policy.ts';
import type { RowCeilings } from './row-ceilings.ts';

/** What is known of the rows of a slot of log records, beside what policies name. */
export async function logFacts(engine: Session, slot: Slot, rowCount: number, hash: KeyedHash, ceilings: RowCeilings | null): Promise<RowFacts> {
  return {
    rowCount, ceilings: ceilings?.n ?? null,
    unknown: slot.inputs.rowCount === 0 ? null : await unknownRows(engine, slot, rowCount),
    isHashWithin: (row, rLow, rHigh, nLow, nHigh) => {
      const run = slot.runs[runIndexOf(slot.runs, row)];
      const at = row - run.seqStart;
      hash.hashSplit(rLow, rHigh, run.batch.ordinal, run.rows === null ? at : run.rows[at]);
      return isKeptAt(hash.low, hash.high, nLow, nHigh);
    },
  };
}

async function unknownRows(engine: Session, slot: Slot, rowCount: number): Promise<Uint8Array | null> {
  const { count, bytes } = (await engine.run(`SELECT seq FROM ${slot.inputs.table} WHERE is_unknown AND seq < ${rowCount}`)).columns([4]);
  if (count === 0) return null;
  const unknown = new Uint8Array(rowCount);
  for (const row of new Uint32Array(bytes[0].buffer)) unknown[row] = 1;
  return unknown;
}
