import { probabilityOf } from '../sampling/probability.ts';
import { type StressReading, StressController } from '../sampling/stress-controller.ts';
import { probabilityOfThreshold, roundThreshold, thresholdOf } from '../sampling/threshold.ts';
import { TWO_56_DOUBLE } from '../sampling/word56.ts';
import type { TimedDecider } from './timed-decider.ts';

/** What presses, by its name in the metrics. */
export const stressSources = ['windows', 'event_loop', 'memory'] as const;
export type StressSource = (typeof stressSources)[number];

/** When the processor is under stress, and what it does then. */
export interface StressOptions {
  /** Least probability that anything is taken in with. */
  readonly probabilityMin: number;
  /** Greatest share of a window's length that deciding it should take. */
  readonly windowLoad: number;
  /** Greatest mean delay of the event loop (ms). */
  readonly loopDelayMs: number;
  /** How full memory should be at most, a fraction. */
  readonly memory: number;
  /** Least time in which the probability doubles. */
  readonly recoveryMs: number;
  /** Mean delay of the event loop (ms) since it was last asked. */
  readonly takeLoopDelayMs: () => number;
}

/** What is measured, and what is done. */
export interface StressParts {
  readonly monotonicMs: () => number;
  /** How full memory is, a fraction. */
  readonly fullness: () => number;
  readonly deciders: readonly { readonly decider: Pick<TimedDecider, 'time'>; readonly lengthMs: number }[];
  /** From now on nothing is taken in but at N. */
  readonly limitInput: (n: bigint) => void;
  /** Told when the probability in force has changed. */
  readonly onChange: (probability: number, before: number) => void;
}

const intervalMs = 1000;
/** Least time in which the probability halves. */
const riseMs = 2000;
/** Parts of a halving that the level moves by, so that few thresholds are ever in force. */
const steps = 8;
const thresholdDigits = 4;

/** N of probability 2^-level, with a threshold of few digits. */
export function nOfLevel(level: number): bigint {
  const stepped = Math.round(level * steps) / steps;
  return stepped === 0 ? probabilityOf(1) : probabilityOfThreshold(roundThreshold(thresholdOf(probabilityOf(2 ** -stepped)), thresholdDigits));
}

/** Measures how pressed the processor is and limits what is taken in accordingly (sampling.md, rule 19). */
export class StressRelief {
  readonly #options: StressOptions;
  readonly #parts: StressParts;
  readonly #controller: StressController;
  readonly #pressures = new Map<StressSource, number>(stressSources.map((source) => [source, 0]));
  #updatedMs: number;
  #n = probabilityOf(1) as bigint;

  constructor(options: StressOptions, parts: StressParts) {
    this.#options = options;
    this.#parts = parts;
    this.#controller = new StressController({ levelMax: -Math.log2(options.probabilityMin), riseMs, fallMs: options.recoveryMs });
    this.#updatedMs = parts.monotonicMs();
  }

  /** What is taken in now, a share of what comes. */
  get probability(): number {
    return Number(this.#n) / TWO_56_DOUBLE;
  }

  /** How pressed each is that was measured, 1 where it is as much as it should be. */
  get pressures(): ReadonlyMap<StressSource, number> {
    return this.#pressures;
  }

  /** Looks, at most once a second. */
  update(): void {
    const elapsedMs = this.#parts.monotonicMs() - this.#updatedMs;
    if (elapsedMs < intervalMs) return;
    this.#updatedMs += elapsedMs;
    const n = nOfLevel(this.#controller.update(this.#readings(), elapsedMs));
    if (n === this.#n) return;
    const before = this.probability;
    this.#n = n;
    this.#parts.limitInput(n);
    this.#parts.onChange(this.probability, before);
  }

  #readings(): StressReading[] {
    const { loopDelayMs, memory, takeLoopDelayMs } = this.#options;
    const { level } = this.#controller;
    const windows = this.#windows();
    const loop = { pressure: takeLoopDelayMs() / loopDelayMs, level };
    const held = { pressure: this.#parts.fullness() / memory, level };
    this.#pressures.set('windows', windows.reduce((most, { pressure }) => Math.max(most, pressure), 0));
    this.#pressures.set('event_loop', loop.pressure);
    this.#pressures.set('memory', held.pressure);
    return [...windows, loop, held];
  }

  /** Of a window that waits for exporters nothing is said: taking less in would not help it. */
  #windows(): StressReading[] {
    return this.#parts.deciders.flatMap(({ decider, lengthMs }) => {
      const time = decider.time(lengthMs * 2 + this.#options.recoveryMs);
      return time === null ? [] : [{ pressure: time.ms / (lengthMs * this.#options.windowLoad), level: Math.log2(TWO_56_DOUBLE / time.nMax) }];
    });
  }
}
