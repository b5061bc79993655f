import { type Measured, scoreZ, zScore } from '../audit/interval.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { type CertificateLine, everything, otherKeys } from './certificate.ts';

/** Long-run sums of one policy and key. */
export interface CertificateSum extends Measured {
  readonly signal: SampledSignal;
  readonly policy: string;
  readonly key: string;
  came: number;
  truth: number;
  estimate: number;
  variance: number;
  unitsKept: number;
  windows: number;
  /** How it stands: `over` and `short` are alarms (|z| beyond 4). */
  verdict: Verdict;
}

export type Verdict = 'fine' | 'over' | 'short';

/** Lines that are summed apart; the rest of a policy's keys go under one name. */
const linesMax = 4000;
/** |z| over the long run beyond which something is wrong (sampling.md, rule 24). */
const zAlarm = 4;
/** |z| below which an alarm is over: in between it stays, so that it does not come and go. */
const zCalm = 3;
/** Units that must have been kept before a shortfall is judged: a handful says nothing. */
const unitsMin = 20;

/** Adds certificates up over windows and judges the sums. */
export class CertificateTally {
  readonly #sums = new Map<string, CertificateSum>();

  /** Every policy and key, in the order of their coming. */
  get sums(): Iterable<CertificateSum> {
    return this.#sums.values();
  }

  /** Adds a window's lines; gives the sums they went to, and of those the ones whose verdict changed to an alarm. */
  add(signal: SampledSignal, lines: readonly CertificateLine[]): { readonly touched: readonly CertificateSum[]; readonly alarms: readonly CertificateSum[] } {
    const touched = new Set<CertificateSum>();
    for (const line of lines) touched.add(this.#addLine(signal, line));
    const alarms: CertificateSum[] = [];
    for (const sum of touched) {
      const verdict = verdictOf(sum, sum.verdict);
      if (verdict !== 'fine' && verdict !== sum.verdict) alarms.push(sum);
      sum.verdict = verdict;
    }
    return { touched: [...touched], alarms };
  }

  #addLine(signal: SampledSignal, line: CertificateLine): CertificateSum {
    const sum = this.#sumOf(signal, line.policy, line.key);
    sum.came += line.came;
    sum.truth += line.truth;
    sum.estimate += line.estimate;
    sum.variance += line.variance;
    sum.unitsKept += line.unitsKept;
    sum.windows++;
    return sum;
  }

  #sumOf(signal: SampledSignal, policy: string, key: string): CertificateSum {
    const name = JSON.stringify([signal, policy, key]);
    const known = this.#sums.get(name);
    if (known !== undefined) return known;
    if (this.#sums.size >= linesMax && key !== otherKeys && key !== everything) return this.#sumOf(signal, policy, otherKeys);
    const sum: CertificateSum = { signal, policy, key, came: 0, truth: 0, estimate: 0, variance: 0, unitsKept: 0, windows: 0, verdict: 'fine' };
    this.#sums.set(name, sum);
    return sum;
  }
}

/**
 * Above the truth: z beyond 4, or above it at all where nothing can vary. Below it: z beyond -4 by the variance that the truth implies
 * (src/audit/interval.ts, scoreZ), once enough was kept.
 */
export function verdictOf(sum: Measured & { readonly unitsKept: number }, before: Verdict = 'fine'): Verdict {
  const z = zScore(sum);
  if (z > (before === 'over' ? zCalm : zAlarm) && (sum.unitsKept >= unitsMin || z === Number.POSITIVE_INFINITY)) return 'over';
  return sum.unitsKept >= unitsMin && scoreZ(sum) < -(before === 'short' ? zCalm : zAlarm) ? 'short' : 'fine';
}

/** What an alarm means, in words. */
export function alarmText({ policy, key, truth, estimate, verdict }: CertificateSum): string {
  const off = `${policy === everything ? 'what leaves' : `policy ${policy}`}, ${key === everything ? 'all keys' : `service ${key}`}: counts add up to ${estimate.toFixed(0)} where ${truth.toFixed(0)} came`;
  return verdict === 'over'
    ? `${off}; they are too high, and chance does not explain it`
    : `${off}; they fall short, and chance does not explain it: items that no policy names are in nobody's count (a drop policy says that they are meant to go)`;
}
