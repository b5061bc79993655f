import type { ServiceState, ServiceTotals } from './statistics.ts';

/** What is known of a service, for people and metrics. */
export interface ServiceSummary extends Readonly<ServiceTotals> {
  readonly service: string;
  readonly rate: number;
  readonly reason: string;
  readonly changedNano: bigint;
  readonly seenNano: bigint;
  /** 0 where none came yet. */
  readonly arrivalsPerSecond: number;
  /** The greatest p lately; null where nothing came. */
  readonly probability: number | null;
}

export function summaryOf(service: string, { whole, totals }: ServiceState, defaultRate: number): ServiceSummary {
  const { rate, probability, arrivalsPerSecond } = whole.row(service, null, defaultRate);
  return { service, rate, reason: whole.reason, changedNano: whole.changedNano, seenNano: whole.seenNano, arrivalsPerSecond: arrivalsPerSecond ?? 0, probability, ...totals };
}
