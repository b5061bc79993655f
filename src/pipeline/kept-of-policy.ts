import { decodeInputProbabilityDouble as inputN } from '../sampling/input-probability.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import { doubleOf56, TWO_56_DOUBLE } from '../sampling/word56.ts';
import { keepNamed, type NamedRows } from './named-rows.ts';

/** What is known of a window's rows beside what policies name. */
export interface RowFacts {
  readonly rowCount: number;
  /** 1 where a row's probability is unknown: it counts one. Null where none is. */
  readonly unknown: Uint8Array | null;
  /** Two words a row, N of its ceiling; null where there are none. */
  readonly ceilings: Uint32Array | null;
  /** Whether the hash of a row's own is within N (sampling.md, rule 14). */
  readonly isHashWithin: (wseq: number, rLow: number, rHigh: number, nLow: number, nHigh: number) => boolean;
}

/** Rows that one policy keeps by itself, in no order, each with its adjusted count by that policy's own probability. */
export interface KeptOfPolicy {
  readonly wseq: Uint32Array;
  readonly counts: Float64Array;
}

/** Decides what one policy named, within its ceilings, by itself; rows that are not of the window are left out. */
export function keptOfPolicy(own: NamedRows, facts: RowFacts): KeptOfPolicy {
  return own.split === null ? keptOnRandomness(own, facts) : keptWithSplits(own, facts);
}

function keptOnRandomness({ count, keys, n }: NamedRows, facts: RowFacts): KeptOfPolicy {
  const wseq = new Uint32Array(count);
  const counts = new Float64Array(count);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const at = i * 4;
    const row = keys[at];
    if (row >= facts.rowCount || !isKeptAt(keys[at + 2], keys[at + 3], n[i * 2], n[i * 2 + 1])) continue;
    wseq[kept] = row;
    counts[kept++] = facts.unknown?.[row] === 1 ? 1 : TWO_56_DOUBLE / Math.min(doubleOf56(n[i * 2], n[i * 2 + 1]), inputN(keys[at + 1]));
  }
  return { wseq: wseq.subarray(0, kept), counts: counts.subarray(0, kept) };
}

/** As src/sampling/stamp.ts counts rows that are split. */
function keptWithSplits(own: NamedRows, facts: RowFacts): KeptOfPolicy {
  const merged = keepNamed([own]);
  const entries = new Map<number, number>();
  for (let i = 0; i < own.count; i++) entries.set(own.keys[i * 4], i);
  const wseq: number[] = [];
  const counts: number[] = [];
  merged.wseq.forEach((row, index) => {
    const at = (entries.get(row) ?? 0) * 4;
    const [rLow, rHigh] = [own.keys[at + 2], own.keys[at + 3]];
    const [low, high] = [merged.n[index * 2], merged.n[index * 2 + 1]];
    const [splitLow, splitHigh] = [merged.nSplit?.[index * 2] ?? 0, merged.nSplit?.[index * 2 + 1] ?? 0];
    const reaches = isKeptAt(rLow, rHigh, low, high);
    if (row >= facts.rowCount || (!reaches && !facts.isHashWithin(row, rLow, rHigh, splitLow, splitHigh))) return;
    wseq.push(row);
    const nIn = inputN(own.keys[at + 1]);
    const split = doubleOf56(splitLow, splitHigh);
    if (facts.unknown?.[row] === 1) counts.push(1);
    else if (split === 0) counts.push(TWO_56_DOUBLE / Math.min(doubleOf56(low, high), nIn));
    else counts.push((TWO_56_DOUBLE / Math.min(nIn, ceilingN(facts, row))) * (reaches ? 1 : TWO_56_DOUBLE / split));
  });
  return { wseq: Uint32Array.from(wseq), counts: Float64Array.from(counts) };
}

function ceilingN({ ceilings }: RowFacts, row: number): number {
  return ceilings === null ? TWO_56_DOUBLE : doubleOf56(ceilings[row * 2], ceilings[row * 2 + 1]);
}
