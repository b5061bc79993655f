import { defectFindings } from './defect-findings.ts';
import { holm } from './holm.ts';
import { randomnessFinding, type RandomnessTest, testsOf } from './randomness-findings.ts';
import type { ServiceState } from './service-state.ts';

/** Something that a stream says and that cannot be true (`fault`), or that whoever counts should know (`note`). */
export interface Finding {
  readonly service: string;
  /** A stable word. */
  readonly kind: string;
  readonly severity: 'fault' | 'note';
  /** What was found, a sentence without its full stop. */
  readonly what: string;
  readonly affected: number;
  readonly of: number;
  readonly unit: string;
  readonly example: string | null;
  /** Chance of looking this bad by accident, adjusted for all tests of the audit; null where it is no matter of chance. */
  readonly pValue: number | null;
  /** What probably causes it. */
  readonly cause: string;
  /** How the suspicious values lie, counts over equal parts of [0, 1); null where there is nothing to look at. */
  readonly histogram: readonly number[] | null;
}

/**
 * Judges services: all tests of chance together are wrong about any clean stream with probability `level` at most (Holm), and what
 * is no matter of chance is found wherever it is.
 */
export function findingsOf(services: Iterable<ServiceState>, itemName: string, level: number): Finding[] {
  const states = [...services];
  const tests = states.flatMap((state) => testsOf(state).map((test) => ({ state, test })));
  const adjusted = holm(tests.map(({ test }) => test.pValue));
  return states.flatMap((state) => {
    const failed = tests.flatMap(({ state: own, test }, index): RandomnessTest[] => (
      own === state && adjusted[index] < level ? [{ ...test, pValue: adjusted[index] }] : []));
    const uneven = failed.length === 0 ? [] : [randomnessFinding(state, failed)];
    return [...defectFindings(state, itemName), ...uneven];
  });
}
