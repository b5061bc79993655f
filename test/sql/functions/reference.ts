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
}

export interface ReferencePick {
  /** The rank that the row had to stay below; null = any. */
  readonly tau: number | null;
  /** The weight that it ranks with. */
  readonly weight: number;
  /** Set where the row goes by a hash of its own. */
  readonly q: number | null;
}

const whole = 2n ** 56n;

interface Unit {
  readonly rank: number;
  readonly size: number;
  readonly weight: number;
}

/** The rows that a sample of k names. A row is decided on those rows of its unit that are there whenever it is. */
export function referenceSample(rows: readonly ReferenceRow[], k: number): Map<bigint, ReferencePick> {
  const byR = Map.groupBy(rows, (row) => row.r);
  const picks = new Map<bigint, ReferencePick>();
  for (const row of rows) {
    const own = byR.get(row.r) ?? [];
    const seen = own.filter((other) => other.nIn >= row.nIn);
    const others = [...byR.entries()].filter(([r]) => r !== row.r).map(([, unit]) => unitOf(unit));
    const pick = decide(unitOf(seen), others, k, rows.length - own.length + seen.length);
    if (pick !== null) picks.set(row.key, pick);
  }
  return picks;
}

function decide(unit: Unit, others: readonly Unit[], k: number, rowCount: number): ReferencePick | null {
  if (unit.size > k) return { tau: null, weight: unit.weight, q: Math.min(1, k / rowCount) };
  let counted = unit.size;
  const inWalk = others.filter(({ size }) => size <= k).sort((a, b) => a.rank - b.rank);
  for (const other of inWalk) {
    counted += other.size;
    if (counted > k) return unit.rank < other.rank ? { tau: other.rank, weight: unit.weight, q: null } : null;
  }
  return { tau: null, weight: unit.weight, q: null };
}

/** Ranked by the greatest weight among its most-sampled rows. */
function unitOf(rows: readonly ReferenceRow[]): Unit {
  const nIn = rows.reduce((most, row) => (row.nIn > most ? row.nIn : most), 0n);
  const weight = Math.max(...rows.filter((row) => row.nIn === nIn).map((row) => row.weight));
  return { rank: Number(whole - rows[0].r) / weight, size: rows.length, weight };
}
