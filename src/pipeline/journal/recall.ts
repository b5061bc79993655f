import { fallbackReason } from '../combining.ts';
import type { RowsOfBatch } from '../dropped-rows.ts';
import { fallbackRows } from '../fallback-rows.ts';
import type { SettledFollowers } from '../followers.ts';
import { noReason } from '../keep-reasons.ts';
import { allRows, type KeptRows } from '../kept-rows.ts';
import { settleSlot } from '../settle-slot.ts';
import type { TraceMemory } from '../trace-memory.ts';
import type { DeciderParts, WindowDecision } from '../window-decision.ts';
import { keptOf, type LoggedWindow, type TraceDecisions } from './decided-record.ts';

/** A window as it was decided before. */
export interface RecalledWindow {
  readonly decision: WindowDecision;
  /** Rows that were kept and whose batches are not there. */
  readonly missing: number;
}

/** Decides a window again as the journal says it was: remembers its decisions, without a query or a policy. `traces` null for logs. */
export function recallWindow(parts: DeciderParts, traces: TraceMemory | null, window: LoggedWindow): RecalledWindow {
  const { ring, hash, combining } = parts;
  const { slot: number, fallbackN } = window;
  const slot = ring.get(number);
  traces?.decided.advanceTo(Number(window.atUnixNano) / 1e6);
  if (traces !== null && window.traces !== null) remember(traces, window.traces);
  const byFallback = fallbackN === null || slot === null ? [] : fallbackKept();
  const followers = traces === null ? null : settleSlot(traces, number, fallbackN ?? parts.fallback.n, fallbackReason(combining));
  const { kept, missing } = window.kept === null ? { kept: [...byFallback, ...(fallbackN === null ? [] : followers?.kept ?? [])], missing: 0 } : keptOf(window.kept, batchesOf(slot?.runs ?? [], followers?.arrived ?? []));
  const items = slot?.rows.rowCount ?? 0;
  return { decision: decisionOf(number, items, kept, followers, () => ring.drop(number)), missing };

  function fallbackKept(): readonly KeptRows[] {
    if (fallbackN === null || slot === null) return [];
    const reason = fallbackReason(combining);
    return traces === null ? allRows(slot, fallbackN, reason) : fallbackRows(slot, { n: fallbackN, reason }, traces.decided, hash).kept;
  }
}

function decisionOf(slot: number, items: number, kept: readonly KeptRows[], followers: SettledFollowers | null, drop: () => Promise<void>): WindowDecision {
  return {
    slot, items, truth: items, services: [], outcomes: [], policies: [], certificate: [], kept, followers: followers?.arrived ?? [],
    release: () => {
      followers?.release();
      return drop();
    },
  };
}

function remember({ decided }: TraceMemory, { count, ids, n, reasons, partial, cause }: TraceDecisions): void {
  const causes = new Map(partial);
  decided.startWindow(count);
  for (let i = 0; i < count; i++) decided.put(ids, i * 4, n[i], reasons?.[i] ?? noReason, causes.get(i) ?? cause);
}

function batchesOf(runs: readonly Pick<RowsOfBatch, 'batch'>[], followers: readonly RowsOfBatch[]): Map<number, RowsOfBatch['batch']> {
  return new Map([...runs, ...followers].map(({ batch }) => [batch.ordinal, batch]));
}
