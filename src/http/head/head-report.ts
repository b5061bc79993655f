import type { Answers } from './answers.ts';
import type { RateHistory } from './history.ts';

/** `GET /head`: what is served to each service, why, and what it was, for people and scripts. Bytes are shares of the retained ones, times ISO 8601. */
export function headReport(answers: Answers, history: RateHistory): object {
  return {
    default_rate: answers.defaultRate,
    services: history.summaries.map(({ service, rate, reason, changedNano, seenNano, arrivalsPerSecond, probability, items, itemsKept, bytes, bytesKept }) => ({
      service, rate, reason,
      changed: timeOf(changedNano), seen: timeOf(seenNano),
      arrivals_per_second: rounded(arrivalsPerSecond), kept_probability: probability,
      items: { collected: items, kept: itemsKept }, bytes: { collected: Math.round(bytes), dropped: Math.round(bytes - bytesKept) },
      operations: answers.of(service).strategy.operations,
      history: history.of(service).map((point) => [point.time, point.rate, rounded(point.arrivalsPerSecond)]),
    })),
  };
}

function timeOf(nano: bigint): string | null {
  return nano === 0n ? null : new Date(Number(nano / 1_000_000n)).toISOString();
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
