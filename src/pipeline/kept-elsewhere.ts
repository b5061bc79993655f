import { decidedElsewhere } from '../sampling/decided-elsewhere.ts';
import { compare56, doubleOf56, TWO_56_DOUBLE } from '../sampling/word56.ts';
import type { KeptOfWindow } from './kept-rows.ts';
import type { KeepReasons } from './keep-reasons.ts';
import type { LogVerdict } from './log-verdict.ts';
import type { NamedRows } from './named-rows.ts';
import type { KeptElsewhere } from './trace-caps.ts';

/** What a policy kept on the randomness of traces. */
export interface ElsewhereOf {
  /** Its place among the outcomes, and its name as a reason. */
  readonly place: number;
  readonly name: string;
  readonly enforces: boolean;
  readonly rows: KeptElsewhere;
}

/** High word of 2^56, of an item that is kept elsewhere. */
const certain = 0x1000000 + decidedElsewhere;

/**
 * Adds records that are kept on the randomness of their traces to what is kept on the records' own. The two are independent, and a trace's
 * p is known only where it was kept. So a record that somebody named by its own R too (`named`, of enforce policies) leaves with the
 * count that it came with where its trace keeps it, else by its own p: a * 1 + (1 - a) * b / b = 1, whatever a.
 */
export function withElsewhere(verdict: LogVerdict, elsewhere: readonly ElsewhereOf[], named: readonly NamedRows[], rowCount: number, reasons: KeepReasons | null): LogVerdict {
  if (elsewhere.every(({ rows }) => rows.namedCount === 0)) return verdict;
  const n = greatest(elsewhere.filter(({ enforces }) => enforces), rowCount);
  for (const { count, keys, n: own } of named) {
    for (let i = 0; i < count; i++) {
      const at = keys[i * 4] * 2;
      if (at >= n.length || (own[i * 2] | own[i * 2 + 1]) === 0 || (n[at] | n[at + 1]) === 0) continue;
      n[at] = 0;
      n[at + 1] = certain;
    }
  }
  const isKept = new Uint8Array(rowCount);
  for (const row of verdict.kept.wseq) isKept[row] = 1;
  return {
    ...verdict,
    kept: merged(verdict.kept, n, elsewhere, reasons),
    policies: verdict.policies.map((counts, place) => {
      const own = elsewhere.find((one) => one.place === place);
      return own === undefined ? counts : {
        ...counts, named: counts.named + own.rows.namedCount, keptUnits: counts.keptUnits + own.rows.wseq.length, kept: counts.kept + own.rows.wseq.length,
        estimate: counts.estimate + estimateOf(own.rows), marginal: counts.marginal + own.rows.wseq.filter((row) => isKept[row] === 0).length,
      };
    }),
  };
}

/** Two words a row of the window: the greatest N, marked as decided elsewhere; 0 for rows that are not kept so. */
function greatest(elsewhere: readonly ElsewhereOf[], rowCount: number): Uint32Array {
  const n = new Uint32Array(rowCount * 2);
  for (const { rows } of elsewhere) {
    rows.wseq.forEach((row, i) => {
      const high = n[row * 2 + 1] === 0 ? 0 : n[row * 2 + 1] - decidedElsewhere;
      if (compare56(rows.n[i * 2], rows.n[i * 2 + 1], n[row * 2], high) <= 0) return;
      n[row * 2] = rows.n[i * 2];
      n[row * 2 + 1] = rows.n[i * 2 + 1] + decidedElsewhere;
    });
  }
  return n;
}

function merged(kept: KeptOfWindow, n: Uint32Array, elsewhere: readonly ElsewhereOf[], reasons: KeepReasons | null): KeptOfWindow {
  const rowCount = n.length / 2;
  const place = new Int32Array(rowCount).fill(-1);
  kept.wseq.forEach((row, index) => { place[row] = index; });
  const wseq = Uint32Array.from({ length: rowCount }, (_, row) => row).filter((row) => place[row] >= 0 || n[row * 2 + 1] !== 0);
  const words = (from: Uint32Array | null): Uint32Array | null => {
    if (from === null) return null;
    const to = new Uint32Array(wseq.length * 2);
    wseq.forEach((row, index) => {
      if (place[row] >= 0) to.set(from.subarray(place[row] * 2, place[row] * 2 + 2), index * 2);
    });
    return to;
  };
  const own = words(kept.n) ?? new Uint32Array(0);
  wseq.forEach((row, index) => {
    if (n[row * 2 + 1] !== 0) own.set(n.subarray(row * 2, row * 2 + 2), index * 2);
  });
  return { wseq, n: own, nSplit: words(kept.nSplit), nCeiling: words(kept.nCeiling), reasons: reasonsOf(kept, wseq, place, elsewhere, reasons) };
}

function reasonsOf({ reasons: codes }: KeptOfWindow, wseq: Uint32Array, place: Int32Array, elsewhere: readonly ElsewhereOf[], reasons: KeepReasons | null): Uint32Array | null {
  if (reasons === null) return null;
  const out = wseq.map((row) => (place[row] >= 0 ? codes?.[place[row]] ?? 0 : 0));
  const index = new Map(Array.from(wseq, (row, i) => [row, i]));
  for (const { enforces, name, rows } of elsewhere) {
    if (!enforces) continue;
    for (const row of rows.wseq) {
      const at = index.get(row);
      if (at !== undefined) out[at] = reasons.with(out[at], name);
    }
  }
  return out;
}

function estimateOf({ wseq, n }: KeptElsewhere): number {
  let sum = 0;
  for (let i = 0; i < wseq.length; i++) sum += TWO_56_DOUBLE / doubleOf56(n[i * 2], n[i * 2 + 1]);
  return sum;
}
