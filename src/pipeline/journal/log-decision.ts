import type { DeciderParts } from '../window-decision.ts';
import type { DecidedWindow } from './decided-record.ts';

/** Logs what was decided, where decisions are logged: spread it into the WindowDecision. To be called in the turn in which the decisions are remembered. */
export function logDecision({ journal, nowUnixNano, combining }: Pick<DeciderParts, 'journal' | 'nowUnixNano' | 'combining'>, window: () => Omit<DecidedWindow, 'atUnixNano'>): { readonly logged?: Promise<void> } {
  if (journal === undefined || journal === null) return {};
  return { logged: journal.decided({ ...window(), atUnixNano: nowUnixNano?.() ?? 0n }, combining.reasons) };
}
