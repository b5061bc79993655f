/**
 * The sampling functions from their definition, slowly: every row is decided by leaving its unit out and walking over the others.
 * Shares nothing with the macros but the order of ranks (N / weight in doubles).
 */

export interface ReferenceRow {
  readonly key: bigint;
  readonly r: bigint;
  readonly nIn: bigint;
  /** The author's value alone. */
  readonly weight: number;
  /** What it takes of the budget; 1 where the budget counts rows. */
  readonly size?: number;
}

/** N of a row, stretched by the variant: N itself, or n_in * -ln(1 - N / n_in) (sampling.md, rule 12, times 2^56). */
export type Spread = (n: bigint, nIn: bigint) => number;
export const linear: Spread = (n) => Number(n);
export const exponential: Spread = (n, nIn) => (n === nIn ? Infinity : 2n * n > nIn
  ? -Number(nIn) * Math.log(Number(nIn - n) / Number(nIn)) : -Number(nIn) * Math.log1p(-Number(n) / Number(nIn)));

export interface ReferencePick {
  /** The rank that the row had to stay below; null = any. */
  readonly tau: number | null;
  /** The weight that it ranks with. */
  readonly weight: number;
  /** Input probability N of the rows that its unit ranks by. */
  readonly nIn: bigint;
  /** Set where its unit is larger than the budget: the share that a hash of its own keeps. */
  readonly q: number | null;
}

const whole = 2n ** 56n;

interface Unit {
  readonly rank: number;
  readonly size: number;
  readonly weight: number;
  readonly nIn: bigint;
}

const sizeOf = (rows: readonly ReferenceRow[]): number => rows.reduce((sum, { size = 1 }) => sum + size, 0);

/** The rows that a sample within a budget (k rows, where sizes are 1) names. A row is decided on those rows of its unit that are there whenever it is. */
export function referenceSample(rows: readonly ReferenceRow[], budget: number, spread: Spread = linear): Map<bigint, ReferencePick> {
  const byR = Map.groupBy(rows, (row) => row.r);
  const picks = new Map<bigint, ReferencePick>();
  for (const row of rows) {
    const own = byR.get(row.r) ?? [];
    const seen = own.filter((other) => other.nIn >= row.nIn);
    const others = [...byR.entries()].filter(([r]) => r !== row.r).map(([, unit]) => unitOf(unit, spread));
    const pick = decide(unitOf(seen, spread), others, budget, sizeOf(rows) - sizeOf(own) + sizeOf(seen));
    if (pick !== null) picks.set(row.key, pick);
  }
  return picks;
}

function decide(unit: Unit, others: readonly Unit[], budget: number, total: number): ReferencePick | null {
  const { weight, nIn } = unit;
  if (unit.size > budget) return { tau: null, weight, nIn, q: Math.min(1, budget / total) };
  let taken = unit.size;
  const inWalk = others.filter(({ size }) => size <= budget).sort((a, b) => a.rank - b.rank);
  for (const other of inWalk) {
    taken += other.size;
    if (taken > budget) return unit.rank < other.rank ? { tau: other.rank, weight, nIn, q: null } : null;
  }
  return { tau: null, weight, nIn, q: null };
}

/** Ranked by the greatest weight among its most-sampled rows. */
function unitOf(rows: readonly ReferenceRow[], spread: Spread): Unit {
  const nIn = rows.reduce((most, row) => (row.nIn > most ? row.nIn : most), 0n);
  const weight = Math.max(...rows.filter((row) => row.nIn === nIn).map((row) => row.weight));
  return { rank: spread(whole - rows[0].r, nIn) / weight, size: sizeOf(rows), weight, nIn };
}
