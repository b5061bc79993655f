import type { RowIds } from '../trace-id-runs.ts';
import type { TraceMemory } from '../trace-memory.ts';
import type { DeciderParts } from '../window-decision.ts';
import type { DecidedWindow, TraceDecisions } from './decided-record.ts';

/** Logs what was decided, where decisions are logged: spread it into the WindowDecision. To be called in the turn in which the decisions are remembered. */
export function logDecision({ journal, nowUnixNano, combining }: Pick<DeciderParts, 'journal' | 'nowUnixNano' | 'combining'>, window: () => Omit<DecidedWindow, 'atUnixNano'>): { readonly logged?: Promise<number | null> } {
  if (journal === undefined || journal === null) return {};
  const logged = journal.decided({ ...window(), atUnixNano: nowUnixNano?.() ?? 0n }, combining.reasons);
  // The end may come before anybody awaits it.
  logged.catch(() => undefined);
  return { logged };
}

/** What is remembered of the traces of these rows. */
export function rememberedOf({ decided }: TraceMemory, rows: readonly RowIds[]): TraceDecisions {
  const found = new Map<string, Uint32Array>();
  for (const { rows: numbers, traceIds } of rows) for (const row of numbers) {
    const id = traceIds.slice(row * 4, row * 4 + 4);
    found.set(id.join(), id);
  }
  const known = [...found.values()].filter((id) => decided.outcome(id, 0) !== 'unknown');
  const ids = new Uint32Array(known.length * 4);
  known.forEach((id, index) => ids.set(id, index * 4));
  return {
    count: known.length, ids, n: BigUint64Array.from(known, (id) => decided.get(id, 0)), reasons: decided.hasReasons ? Uint32Array.from(known, (id) => decided.reason(id, 0)) : null,
    partial: [], cause: null,
  };
}
