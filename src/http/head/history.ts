import type { HeadUpdate } from '../../head/controller.ts';
import type { ServiceSummary } from '../../head/summary.ts';

/** Points of one service that are kept, and services that have any. */
const pointsMax = 360;
const servicesMax = 200;

/** A rate and the arrivals that it was worked out from. */
export interface RatePoint {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly rate: number;
  readonly arrivalsPerSecond: number;
}

/** What was served, of the services of most arrivals. */
export class RateHistory {
  /** In the order in which they were last shown. */
  readonly #points = new Map<string, RatePoint[]>();
  #summaries: readonly ServiceSummary[] = [];

  apply({ atNano, summaries }: HeadUpdate): void {
    this.#summaries = summaries;
    const shown = summaries.slice(0, servicesMax);
    for (const { service, rate, arrivalsPerSecond } of shown) {
      const points = this.#points.get(service) ?? [];
      this.#points.delete(service);
      this.#points.set(service, points);
      points.push({ time: Number(atNano / 1_000_000n) / 1000, rate, arrivalsPerSecond });
      if (points.length > pointsMax) points.shift();
    }
    const known = new Set(summaries.map(({ service }) => service));
    for (const service of this.#points.keys()) if (!known.has(service) || this.#points.size > 2 * servicesMax) this.#points.delete(service);
  }

  get summaries(): readonly ServiceSummary[] {
    return this.#summaries;
  }

  of(service: string): readonly RatePoint[] {
    return this.#points.get(service) ?? [];
  }
}
