import type { PolicyOutcome } from '../policy/window-policies.ts';
import { type Combining, placesOf } from './combining.ts';
import { keptOfPolicy, type KeptOfPolicy, type RowFacts } from './kept-of-policy.ts';
import type { KeptOfWindow } from './kept-rows.ts';
import { type KeepReasons, noReason, reasonOf } from './keep-reasons.ts';
import { type ElsewhereOf, withElsewhere } from './kept-elsewhere.ts';
import { keepNamed, type NamedRows } from './named-rows.ts';
import type { PolicyCounts } from './policy-counts.ts';
import { type KeptCounts, noneKept, policyCounts } from './policy-counts-of.ts';
import { firstMatches, type RowCeilings } from './row-ceilings.ts';

/** What policies said of a window of log records. */
export interface LogSaid {
  readonly outcomes: readonly PolicyOutcome[];
  /** What each outcome's policy named, the fallback in place of one that failed; of drop policies what they limit. */
  readonly named: readonly NamedRows[];
  readonly ceilings: RowCeilings | null;
  readonly facts: RowFacts;
  readonly itemBytes: number;
  /** What policies that read `kept_traces` kept on the randomness of traces. */
  readonly elsewhere?: readonly ElsewhereOf[];
}

/** What came of it. */
export interface LogVerdict {
  readonly kept: KeptOfWindow;
  readonly policies: readonly PolicyCounts[];
  /** What each policy named, within ceilings and the order of policies. */
  readonly own: readonly NamedRows[];
}

/** Decides a window of log records: what is kept, at which N and why, and what each policy came to by itself. */
export function decideLogs(said: LogSaid, { combine, reasons }: Combining): LogVerdict {
  const { outcomes, ceilings, facts } = said;
  const { enforce } = placesOf(outcomes.map(({ policy }) => policy));
  const own = ownNamed(said, combine, enforce);
  const keptBy = own.map((rows) => keptOfPolicy(rows, facts));
  const keepers = outcomes.length < 2 ? null : keepersOf(enforce.map((place) => keptBy[place]), facts.rowCount);
  const { wseq, n, nSplit } = keepNamed(enforce.map((place) => own[place]));
  const verdict: LogVerdict = {
    kept: {
      wseq, n, nSplit, nCeiling: nSplit === null || ceilings === null ? null : ceilingsOf(wseq, ceilings),
      reasons: reasons === null ? null : reasonsOf(wseq, enforce, outcomes, keptBy, reasons, facts.rowCount),
    },
    policies: outcomes.map((outcome, place) => policyCounts(outcome, countsOf(outcome, own[place], keptBy[place], keepers, facts), said.itemBytes)),
    own,
  };
  return said.elsewhere === undefined || said.elsewhere.length === 0 ? verdict : withElsewhere(verdict, said.elsewhere, enforce.map((place) => own[place]), facts.rowCount, reasons);
}

/** What each policy named, within the ceilings, and under first_match without what an earlier one named. */
function ownNamed({ outcomes, named, ceilings, facts }: LogSaid, combine: Combining['combine'], enforce: readonly number[]): readonly NamedRows[] {
  const capped = named.map((rows, place) => (ceilings === null || outcomes[place].policy.mode === 'drop' ? rows : ceilings.cap(rows)));
  if (combine === 'union' || enforce.length < 2) return capped;
  const first = firstMatches(enforce.map((place) => capped[place]), facts.rowCount);
  return capped.map((rows, place) => (enforce.includes(place) ? first[enforce.indexOf(place)] : rows));
}

function ceilingsOf(wseq: Uint32Array, { n }: RowCeilings): Uint32Array {
  const words = new Uint32Array(wseq.length * 2);
  wseq.forEach((row, index) => words.set(n.subarray(row * 2, row * 2 + 2), index * 2));
  return words;
}

function reasonsOf(
  wseq: Uint32Array, enforce: readonly number[], outcomes: readonly PolicyOutcome[], keptBy: readonly KeptOfPolicy[], reasons: KeepReasons, rowCount: number,
): Uint32Array {
  const codes = new Uint32Array(rowCount).fill(noReason);
  for (const place of enforce) {
    const name = reasonOf(outcomes[place]);
    for (const row of keptBy[place].wseq) codes[row] = reasons.with(codes[row], name);
  }
  return wseq.map((row) => codes[row]);
}

/** How many enforce policies keep each row. */
function keepersOf(keptBy: readonly KeptOfPolicy[], rowCount: number): Uint16Array {
  const keepers = new Uint16Array(rowCount);
  for (const { wseq } of keptBy) for (const row of wseq) keepers[row]++;
  return keepers;
}

function countsOf({ policy, picks }: PolicyOutcome, own: NamedRows, { wseq, counts }: KeptOfPolicy, keepers: Uint16Array | null, facts: RowFacts): KeptCounts {
  if (picks === null && policy.mode !== 'enforce') return noneKept;
  let estimate = 0;
  for (const count of counts) estimate += count;
  const alone = policy.mode === 'enforce' ? 1 : 0;
  let marginal = 0;
  if (policy.mode !== 'drop') for (const row of wseq) if (keepers === null || keepers[row] === alone) marginal++;
  return { named: namedCount(own, facts.rowCount), keptUnits: wseq.length, kept: wseq.length, estimate, marginal };
}

/** Distinct rows: with splits a row may be named twice. */
function namedCount({ count, keys, split }: NamedRows, rowCount: number): number {
  if (split === null) return count;
  const isNamed = new Uint8Array(rowCount);
  for (let i = 0; i < count; i++) isNamed[keys[i * 4]] = 1;
  return isNamed.reduce((sum, one) => sum + one, 0);
}
