import { memoryShares } from '../../../src/pipeline/memory-shares.ts';
import { keyOf, nOfThreshold, nOfTrace, type SentItem } from './items.ts';
import { certainOf } from './certain.ts';
import type { Known } from './ledger.ts';
import { waysComplaints } from './ways.ts';
import { syncIntervalMs } from './process.ts';
import { type RunRecord, stepMs } from './simulate.ts';

/** A trace by what came of it, and what left. */
interface TraceRecord {
  readonly known: readonly Known[];
  readonly sent: ReadonlyMap<string, SentItem>;
}

/** How full memory may become beside the next hops' queues: what was under way when it became full goes beyond. */
const fullnessMax = 1.5;

/** What a hand-over of spliced items takes at least; a queue that is empty takes one of any size. */
const splicedBytesMin = 66_048;

/** With what is rebuilt for the queues before its batches are let go of. */
function fullnessBound({ scenario: { memoryLimitBytes, backend, splices, routesDropped } }: RunRecord): number {
  const queueBytes = Math.max(backend.queueBytesMax, splices ? splicedBytesMin : 0) * (routesDropped ? 2 : 1);
  return fullnessMax + queueBytes / memoryShares(memoryLimitBytes).othersBytesMax;
}

/** What a run broke, in words. */
export function violationsOf(run: RunRecord): string[] {
  const sent = Map.groupBy(run.backend.received, ({ key }) => key);
  const isOnce = !decidesAnew(run);
  return [
    ...run.complaints,
    ...(run.fullnessMax > fullnessBound(run) ? [`memory was filled to ${run.fullnessMax.toFixed(2)} of its limit, with queues at most ${fullnessBound(run).toFixed(2)}`] : []),
    ...(isOnce && !hasRefused(run) ? run.missing : []),
    ...run.backend.received.flatMap((item) => stampComplaints(item)),
    ...[...sent.keys()].filter((key) => !run.ledger.items.has(key)).map((key) => `${key} left and never came`),
    ...[...run.ledger.items.values()].filter((known) => isPromised(run, known) && certainOf(run, known.item) && !sent.has(keyOf(known.item))).map(({ item }) => `${keyOf(item)} (${item.signal}, ${item.class}) is lost`),
    ...waysComplaints(run, new Set(sent.keys())),
    ...(isOnce ? [...sent] : []).flatMap(([key, copies]) => twiceComplaints(run, key, copies)),
    ...(isOnce ? tracesOf(run) : []).flatMap(tornComplaints),
  ];
}

/** Where a machine dies with `async`, decisions are lost that were not synced, and of which items have left: the next process decides anew, on what is left. */
export function decidesAnew({ scenario, crashes }: RunRecord): boolean {
  return scenario.sync === 'async' && crashes.some(({ by }) => by === 'powerLoss');
}

/** Rows of batches that could not be written are in windows, though their senders are told to come again. */
function hasRefused({ faults }: RunRecord): boolean {
  return ['writeError', 'syncError', 'full', 'readOnly'].some((fault) => (faults[fault] ?? 0) > 0);
}

/** How long before a machine dies what came may be lost with `async`: it is synced at the first step after the interval. */
const unsyncedMs = syncIntervalMs + 2 * stepMs;

/** Whether its sender was told that it is taken, so that no crash may lose it. */
export function isPromised({ scenario, crashes }: RunRecord, { acknowledgedMs }: Known): boolean {
  const losses = scenario.sync === 'async' ? crashes.filter(({ by }) => by === 'powerLoss') : [];
  return acknowledgedMs.some((ms) => !losses.some(({ atMs }) => ms <= atMs && ms > atMs - unsyncedMs));
}

/** R >= T, the count follows from T, and T is no lower than what the item came with. */
function stampComplaints({ key, trace, count, threshold, randomness }: SentItem): string[] {
  if (threshold === null) return [`${key} left without a threshold`];
  const n = nOfThreshold(threshold);
  const nOwn = randomness !== null ? 2n ** 56n - BigInt(`0x${randomness}`) : trace === '' ? null : nOfTrace(trace);
  return [
    ...(nOwn === null ? [`${key} has no randomness`] : nOwn > n ? [`${key}: R is below its threshold ${threshold}`] : []),
    ...(Math.abs(count * Number(n) / 2 ** 56 - 1) > 1e-9 ? [`${key}: its count ${count} does not follow from its threshold ${threshold}`] : []),
  ];
}

/** Copies of a span are of one decision. Those of a record are records of their own, each decided in its window. */
function twiceComplaints(run: RunRecord, key: string, copies: readonly SentItem[]): string[] {
  const known = run.ledger.items.get(key);
  if (known === undefined || (known.item.signal === 'logs' ? known.arrivedMs.length > 1 : isOutlived(run, known))) return [];
  const stamps = new Set(copies.map(({ threshold, count }) => `${threshold} ${count}`));
  return stamps.size > 1 ? [`${key} left with ${[...stamps].join(' and ')}`] : [];
}

/** Traces whose spans all came while their decision was remembered for sure. */
function tracesOf(run: RunRecord): TraceRecord[] {
  const sent = new Map(run.backend.received.map((item) => [item.key, item]));
  const spans = [...run.ledger.items.values()].filter(({ item }) => item.signal === 'traces');
  return [...Map.groupBy(spans, ({ item }) => item.trace).values()].filter((known) => !spansTime(run, known))
    .map((known) => ({ known, sent: new Map(known.flatMap(({ item }) => sent.get(keyOf(item)) ?? []).map((item) => [item.key, item])) }));
}

export function isOutlived(run: RunRecord, { item }: Known): boolean {
  return spansTime(run, [...run.ledger.items.values()].filter((other) => other.item.signal === 'traces' && other.item.trace === item.trace));
}

/** Whether something of a trace came a horizon after its first span, when its decision may be forgotten. */
export function spansTime({ scenario }: RunRecord, known: readonly Known[]): boolean {
  const times = known.flatMap(({ arrivedMs }) => arrivedMs);
  return Math.max(...times) - Math.min(...times) >= scenario.horizonMs;
}

/** Kept or dropped together, each with the greater of its own threshold and the trace's. */
function tornComplaints({ known, sent }: TraceRecord): string[] {
  if (sent.size === 0) return [];
  const missing = known.filter(({ item, acknowledgedMs }) => acknowledgedMs.length > 0 && !sent.has(keyOf(item)));
  const trace = known[0].item.trace;
  const stated = known.flatMap(({ item }) => {
    const left = sent.get(keyOf(item));
    return left === undefined || left.threshold === null ? [] : [{ n: nOfThreshold(left.threshold), nIn: item.threshold === null ? 2n ** 56n : nOfThreshold(item.threshold) }];
  });
  const nTrace = stated.reduce((most, { n }) => (n > most ? n : most), 0n);
  return [
    ...(missing.length > 0 ? [`trace ${trace} is torn: ${missing.length} of ${known.length} spans are missing`] : []),
    ...(stated.some(({ n, nIn }) => n !== (nIn < nTrace ? nIn : nTrace)) ? [`trace ${trace} has two thresholds: N ${[...new Set(stated.map(({ n }) => n))].join(', ')}`] : []),
  ];
}
