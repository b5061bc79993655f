/** How pressed something is, 1 where it is just as much as it should be, and the level that was in force for what this was measured of. */
export interface StressReading {
  readonly pressure: number;
  readonly level: number;
}

export interface StressLimits {
  /** Greatest level: -log2 of the least probability. */
  readonly levelMax: number;
  /** Least time (ms) in which the level rises, and falls, by one. */
  readonly riseMs: number;
  readonly fallMs: number;
}

/** How far below the level in force what is wanted must lie before the level falls: a pressure of 0.7. */
const slack = 0.5;

/**
 * The level of stress, in halvings: what comes is taken in with probability 2^-level. Cost is about proportional to that, so what was measured at level l
 * with pressure x wants l + log2(x), whenever it was measured: a window that was filled before the level rose does not make it rise again. The level
 * goes to the greatest that any reading wants: up at once, within the rate; down slowly, and only where it is more than half a halving too
 * high. So it rests where pressures are between 0.7 and 1.
 */
export class StressController {
  readonly #limits: StressLimits;
  #level = 0;

  constructor(limits: StressLimits) {
    this.#limits = limits;
  }

  get level(): number {
    return this.#level;
  }

  /** Takes readings, `elapsedMs` after the last ones; returns the new level. */
  update(readings: readonly StressReading[], elapsedMs: number): number {
    const { levelMax, riseMs, fallMs } = this.#limits;
    const wanted = readings.reduce((most, { pressure, level }) => Math.max(most, pressure > 0 ? level + Math.log2(pressure) : 0), 0);
    const rest = wanted === 0 ? 0 : wanted + slack;
    if (wanted > this.#level) this.#level = Math.min(wanted, this.#level + elapsedMs / riseMs, levelMax);
    else if (rest < this.#level) this.#level = Math.max(rest, this.#level - elapsedMs / fallMs);
    return this.#level;
  }
}
