import type { Measured } from '../audit/interval.ts';
import type { ReadKey } from '../store/same-key.ts';

/** How finely windows certify themselves (sampling.md, rule 24). */
export interface CertificateDetail {
  /** By service.name, beside the whole window; needs that key projected. */
  readonly services: boolean;
  /** By policy, beside what they keep together. */
  readonly policies: boolean;
}

/** Truth against estimate of one policy (or all together) and one key (or the whole window), over one window. Items of unknown probability are left out. */
export interface CertificateLine extends Measured {
  /** A policy's name, or `(all)`: what leaves. */
  readonly policy: string;
  /** A service.name, `(none)`, `(others)`, or `(all)`: the whole window. */
  readonly key: string;
  /** Sum of the adjusted counts of all that came. */
  readonly came: number;
  /** The part of it that the estimate is of: what policies named. All that came where a policy names only what its sample holds. */
  readonly truth: number;
  readonly estimate: number;
  readonly variance: number;
  /** Units (traces, or log records of one randomness) of which something is kept. */
  readonly unitsKept: number;
}

/** What keys are: service.name of the resource. */
export const serviceKey: ReadKey = { source: 'resource', key: 'service.name', type: 'VARCHAR' };

export const everything = '(all)';
export const otherKeys = '(others)';
export const keyless = '(none)';
/** Keys of a window that are told apart, those that stand for most. */
export const keysMax = 200;

/** Sums of one policy and key, as a query gives them. */
export interface CertificateSums {
  readonly place: number;
  readonly key: string;
  readonly sums: readonly number[];
}

/** Place of all policies together. */
export const togetherPlace = -1;

/**
 * Puts the sums of a window together. `came`: [truth] by key; `named`: [truth] by policy and key, of policies that name all that they mean;
 * `kept`: [estimate, variance, units] by policy and key.
 */
export function certificateLines(
  policies: ReadonlyMap<number, { readonly name: string; readonly namesAll: boolean }>, came: ReadonlyMap<string, number>,
  named: readonly CertificateSums[], kept: readonly CertificateSums[],
): CertificateLine[] {
  const find = (from: readonly CertificateSums[], place: number, key: string): readonly number[] | undefined => (
    from.find((sums) => sums.place === place && sums.key === key)?.sums);
  return [...policies].flatMap(([place, { name, namesAll }]) => [...came].map(([key, all]): CertificateLine => {
    const [estimate, variance, unitsKept] = find(kept, place, key) ?? [0, 0, 0];
    const truth = namesAll ? find(named, place, key)?.[0] ?? 0 : all;
    return { policy: name, key, came: all, truth, estimate, variance: Math.max(0, variance), unitsKept };
  }));
}
