import { normalTwoSided } from './distributions.ts';

/** Truth against estimate, with the Horvitz-Thompson variance of the estimate; sums of independent ones add up. */
export interface Measured {
  readonly truth: number;
  readonly estimate: number;
  readonly variance: number;
}

/** Half the width of a 95 % interval in standard deviations. */
const normal95 = 1.959963984540054;

/** z = (estimate - truth) / sd (sampling.md, rule 24). Nothing off is 0, whatever the variance; off with variance 0 is infinite. */
export function zScore({ truth, estimate, variance }: Measured): number {
  const off = estimate - truth;
  if (Math.abs(off) <= 1e-9 * Math.max(truth, estimate)) return 0;
  return off / Math.sqrt(Math.max(0, variance));
}

/**
 * z with the variance that the truth implies where the estimate is below it: the estimated variance is small exactly when too little
 * was kept by chance, which makes the plain z of small samples far too negative (the score instead of Wald's test).
 */
export function scoreZ({ truth, estimate, variance }: Measured): number {
  const scale = estimate > 0 && estimate < truth ? truth / estimate : 1;
  return zScore({ truth, estimate, variance: variance * scale });
}

/** The 95 % Horvitz-Thompson interval of the truth. */
export function interval95({ estimate, variance }: Measured): readonly [number, number] {
  const half = normal95 * Math.sqrt(Math.max(0, variance));
  return [estimate - half, estimate + half];
}

/** Two-sided p-value of z. */
export function pOfZ(z: number): number {
  return Number.isFinite(z) ? normalTwoSided(z) : 0;
}

/**
 * What one unit that was kept, in whole or in part, adds to the variance: A^2 - A B, with B the sum of its items' counts before and A that
 * of its kept items' after. Units that were not kept add nothing. For a unit kept whole with q = B / A this is (sum of a_in / q)^2 (1 - q),
 * summed before it is squared (rule 14); and whatever the design within the unit, E(A^2 - A B) = E A^2 - B^2 = Var A, as long as A is
 * unbiased. Single terms, and so sums of few, may be negative.
 */
export function unitVariance(before: number, after: number): number {
  return after * (after - before);
}
