import { type HeldBatch, rowsOfRun } from '../../store/held-batch.ts';
import { inputSource, readInputs } from '../../store/input-columns.ts';
import type { Slot } from '../../store/slot.ts';
import type { RowsOfBatch } from '../dropped-rows.ts';
import type { TraceMemory } from '../trace-memory.ts';
import type { DeciderParts } from '../window-decision.ts';
import type { DecidedWindow, TraceDecisions } from './decided-record.ts';

/** Logs what was decided, where decisions are logged: spread it into the WindowDecision. To be called in the turn in which the decisions are remembered. */
export function logDecision({ journal, nowUnixNano, combining }: Pick<DeciderParts, 'journal' | 'nowUnixNano' | 'combining'>, window: () => Omit<DecidedWindow, 'atUnixNano'>): { readonly logged?: Promise<void> } {
  if (journal === undefined || journal === null) return {};
  return { logged: journal.decided({ ...window(), atUnixNano: nowUnixNano?.() ?? 0n }, combining.reasons) };
}

/** What is remembered of the traces of a slot that was decided without a query. */
export function rememberedOf({ hash }: Pick<DeciderParts, 'hash'>, { decided }: TraceMemory, slot: Slot, followers: readonly RowsOfBatch[]): TraceDecisions {
  const found = new Map<string, Uint32Array>();
  const add = (batch: HeldBatch, rows: Uint32Array): void => {
    const ids = idsOf(batch, hash);
    if (ids !== null) for (const row of rows) {
      const id = ids.slice(row * 4, row * 4 + 4);
      found.set(id.join(), id);
    }
  };
  for (const run of slot.runs) add(run.batch, rowsOfRun(run));
  for (const { batch, rows } of followers) add(batch, rows);
  const known = [...found.values()].filter((id) => decided.outcome(id, 0) !== 'unknown');
  const ids = new Uint32Array(known.length * 4);
  known.forEach((id, index) => ids.set(id, index * 4));
  return {
    count: known.length, ids, n: BigUint64Array.from(known, (id) => decided.get(id, 0)), reasons: decided.hasReasons ? Uint32Array.from(known, (id) => decided.reason(id, 0)) : null,
    partial: [], cause: null,
  };
}

/** Null where the batch cannot be read: whoever reads the rows will say so. */
function idsOf(batch: HeldBatch, hash: DeciderParts['hash']): Uint32Array | null {
  try {
    return readInputs(batch.open(), inputSource(batch), hash).traceIds;
  } catch {
    return null;
  }
}
