import { formatThreshold, parseThreshold, type Threshold } from '../sampling/threshold.ts';
import { TWO_56, TWO_56_DOUBLE } from '../sampling/word56.ts';
import type { HeadRates } from './rates.ts';

/** What a sampler means to do with a trace (OpenTelemetry, "CompositeSampler": SamplingIntent). */
export interface Intent {
  /** T; -1 = never. */
  readonly threshold: bigint;
  /** Whether T may be written, so that whoever reads the span counts by it. */
  readonly thresholdReliable: boolean;
}

/** An intent in the forms that a decision needs. */
export interface ReadyIntent extends Intent {
  /** T as 14 hexadecimal digits, which order as the numbers do. */
  readonly digits: string;
  /** T as `th`. */
  readonly th: string;
}

/** Significant digits of a threshold after its leading f's, as the specification recommends for tracestates. */
const digitsKept = 4;

export const never: Intent = { threshold: -1n, thresholdReliable: false };

/**
 * T of a rate p, with 4 significant digits and rounded down: what is sampled is at least what p asks for, so that nothing is lost that a tail at p
 * keeps, and what T says is the probability that was used. Null for p = 0.
 */
export function headThreshold(rate: number): Threshold | null {
  if (rate <= 0) return null;
  const t = TWO_56 - BigInt(Math.max(1, Math.ceil(rate * TWO_56_DOUBLE)));
  const leadingFs = Math.floor((56 - (TWO_56 - t).toString(2).length) / 4);
  const unit = 1n << BigInt(4 * Math.max(0, 14 - leadingFs - digitsKept));
  return ((t / unit) * unit) as Threshold;
}

/** Null where T is none: such a trace is never sampled. */
export function readyIntent(threshold: Threshold | null, thresholdReliable: boolean): ReadyIntent | null {
  if (threshold === null) return null;
  return { threshold, thresholdReliable, digits: threshold.toString(16).padStart(14, '0'), th: formatThreshold(threshold) };
}

/** The intent of a parent's `th`, which was sampled at. */
export function intentOfTh(th: string): ReadyIntent | null {
  return readyIntent(parseThreshold(th), true);
}

/** The intents of a service's rates, worked out once. */
export class IntentTable {
  readonly #default: ReadyIntent | null;
  readonly #operations = new Map<string, ReadyIntent | null>();

  constructor({ defaultRate, operations }: HeadRates) {
    this.#default = readyIntent(headThreshold(defaultRate), true);
    for (const [name, rate] of operations) this.#operations.set(name, readyIntent(headThreshold(rate), true));
  }

  /** Of a trace whose root has this name; null = never. */
  of(operation: string): ReadyIntent | null {
    const own = this.#operations.get(operation);
    return own === undefined ? this.#default : own;
  }
}
