import { traceIdWords } from '../../policy/trace-id-table.ts';
import { fallbackReason } from '../combining.ts';
import type { RowsOfBatch } from '../dropped-rows.ts';
import { noReason } from '../keep-reasons.ts';
import { settleSlot } from '../settle-slot.ts';
import type { TraceMemory } from '../trace-memory.ts';
import type { DeciderParts, WindowDecision } from '../window-decision.ts';
import type { DecidedAtArrival } from './at-arrival.ts';
import { keptOf, type LoggedWindow, type TraceDecisions } from './decided-record.ts';

/** A window as it was decided before. */
export interface RecalledWindow {
  readonly decision: WindowDecision;
  /** Rows that were kept and whose batches are not there. */
  readonly missing: number;
}

/**
 * Before the journal is read: of a window that it says is decided. What is read of its traces before the decision waits for it then, though the batch that
 * opened them may be gone already.
 */
export function expectWindow({ ring }: Pick<DeciderParts, 'ring'>, memory: TraceMemory | null, { slot, isDone, traces, early }: LoggedWindow): void {
  if (memory === null) return;
  if (early === undefined) ring.closeBefore(slot + 1);
  if (isDone || traces === null) return;
  for (let i = 0; i < traces.count; i++) memory.open.open(traces.ids, i * 4, slot);
}

/** Decides a window again as the journal says it was: remembers its decisions, without a query or a policy. `memory` null for logs. */
export function recallWindow({ ring, fallback, combining }: DeciderParts, memory: TraceMemory | null, window: LoggedWindow): RecalledWindow {
  const { slot: number } = window;
  const slot = ring.get(number);
  memory?.decided.advanceTo(Number(window.atUnixNano) / 1e6);
  if (memory !== null && window.traces !== null) remember(memory, window.traces);
  const followers = memory === null ? null : settleSlot(memory, number, fallback.n, fallbackReason(combining));
  const { kept, missing } = keptOf(window.kept, batchesOf(slot?.runs ?? [], followers?.arrived ?? []));
  const items = (slot?.rows.rowCount ?? 0) + (followers?.arrived ?? []).reduce((sum, { rows }) => sum + rows.length, 0);
  const decision: WindowDecision = {
    slot: number, items, truth: items, services: [], outcomes: [], policies: [], certificate: [], kept, followers: followers?.arrived ?? [],
    release: () => {
      followers?.release();
      return ring.drop(number);
    },
  };
  return { decision, missing };
}

export function remember({ decided }: TraceMemory, { count, ids, n, reasons, rootN = null, partial, cause }: TraceDecisions): void {
  const causes = new Map(partial);
  decided.startWindow(count);
  for (let i = 0; i < count; i++) decided.put(ids, i * 4, n[i], reasons?.[i] ?? noReason, causes.get(i) ?? cause, rootN === null || n[i] === 0n ? 0n : rootN[i]);
}

export function batchesOf(runs: readonly Pick<RowsOfBatch, 'batch'>[], followers: readonly RowsOfBatch[]): Map<number, RowsOfBatch['batch']> {
  return new Map([...runs, ...followers].map(({ batch }) => [batch.ordinal, batch]));
}

/** Remembers traces that no window decided. */
export function recallAtArrival({ combining }: Pick<DeciderParts, 'combining'>, memory: TraceMemory | null, { ids, n, atUnixNano }: DecidedAtArrival): void {
  if (memory === null) return;
  memory.decided.advanceTo(Number(atUnixNano) / 1e6);
  for (let trace = 0; trace < ids.length / traceIdWords; trace++) {
    if (n === null) memory.decided.put(ids, trace * traceIdWords, 0n);
    else memory.decided.put(ids, trace * traceIdWords, n[trace], fallbackReason(combining) ?? noReason, 'past_horizon');
  }
}
