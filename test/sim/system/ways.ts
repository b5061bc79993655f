import { decidesAnew, isOutlived, isPromised } from './checks.ts';
import { keyOf, type SentItem } from './items.ts';
import type { Known } from './ledger.ts';
import type { RunRecord } from './simulate.ts';

/** Where what is dropped goes somewhere, each item leaves by one way: kept, or dropped as it came. */
export function waysComplaints(run: RunRecord, kept: ReadonlySet<string>): string[] {
  if (!run.scenario.routesDropped) return [];
  const dropped = new Map(run.dropped.received.map((item) => [item.key, item]));
  const known = [...run.ledger.items.values()];
  return [
    ...[...dropped.keys()].filter((key) => !run.ledger.items.has(key)).map((key) => `${key} was dropped and never came`),
    ...known.flatMap((item) => changedComplaint(item, dropped.get(keyOf(item.item)))),
    ...(isShedding(run) ? [] : known.filter((item) => isPromised(run, item) && !kept.has(keyOf(item.item)) && !dropped.has(keyOf(item.item))).map(({ item }) => `${keyOf(item)} (${item.signal}) went no way`)),
    ...(decidesAnew(run) ? [] : known.filter((item) => kept.has(keyOf(item.item)) && dropped.has(keyOf(item.item)) && !isDecidedAgain(run, item)).map(({ item }) => `${keyOf(item)} (${item.signal}) went both ways`)),
  ];
}

/** What is not taken in goes nowhere. */
function isShedding({ scenario }: RunRecord): boolean {
  return scenario.relief !== null || scenario.stress.length > 0;
}

/** Records that come again are records of their own; spans of a trace that is forgotten are decided again. */
function isDecidedAgain(run: RunRecord, known: Known): boolean {
  return known.item.signal === 'logs' ? known.arrivedMs.length > 1 : isOutlived(run, known);
}

function changedComplaint({ item }: Known, sent: SentItem | undefined): string[] {
  return sent === undefined || sent.threshold === item.threshold ? [] : [`${keyOf(item)} came with the threshold ${item.threshold} and was dropped with ${sent.threshold}`];
}
