import type { OtlpResult, Stretch } from './otlp-run.ts';
import { table } from './report.ts';

/** Both servers under one load. */
export interface OtlpPair {
  readonly thresher: OtlpResult;
  readonly collector: OtlpResult;
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const perSpan = ({ cpuMicros, spans }: Stretch): number => cpuMicros / spans;
/** Resident bytes a held span, when the windows have filled and nothing is decided yet. */
const heldPerSpan = ({ held }: OtlpResult): number => held.rssBytes / held.spans;
const heldPerSpanSteady = ({ heldSteady }: OtlpResult): number => heldSteady.rssBytes / heldSteady.spans;
const share = ({ kept, sent }: OtlpResult): number => kept.traces / sent.traces;

/** What each server did under each load. */
export function otlpTable(pairs: readonly OtlpPair[]): string {
  const head = [
    'server', 'spans a request', 'wire', 'B a span', 'CPU us a span, steady', 'spans/s', 'CPU us a span, full', 'spans/s', 'refused', 'slowest answer ms',
    'other core', 'peak RSS MiB', 'RSS B a held span', 'steady', 'accounted', 'traces kept', 'count said / sent',
  ];
  return table(head, pairs.flatMap(({ thresher, collector }) => [thresher, collector].map(row)));
}

function row(result: OtlpResult): string[] {
  const { side, load, steady, full, held, kept, sent } = result;
  return [
    side, String(load.spansPerRequest), load.encoding, result.wireBytesPerSpan.toFixed(0),
    perSpan(steady).toFixed(2), `${count(steady.spans / steady.seconds)}${steady.behindMs > 1000 ? ' (behind)' : ''}`,
    perSpan(full).toFixed(2), count(full.spans / full.seconds), String(steady.refused + full.refused), Math.max(steady.slowestMs, full.slowestMs).toFixed(0),
    `${(full.otherCoreShare * 100).toFixed(0)} %`, (result.peakRssBytes / 2 ** 20).toFixed(0),
    heldPerSpan(result).toFixed(0), heldPerSpanSteady(result).toFixed(0), held.accountedBytes === null ? '' : (held.accountedBytes / held.spans).toFixed(0),
    `${(share(result) * 100).toFixed(2)} %`, kept.counted === 0 ? '' : (kept.adjusted / sent.spans).toFixed(3),
  ];
}

/** Thresher's share of CPU by its threads, microseconds a span of the steady stretch. */
export function otlpThreadTable(pairs: readonly OtlpPair[]): string {
  const names = [...new Set(pairs.flatMap(({ thresher }) => [...thresher.steady.threads.keys()]))].filter((name) => pairs.some(({ thresher }) => (thresher.steady.threads.get(name) ?? 0) > 0));
  const rows = pairs.map(({ thresher: { load, steady } }) => [
    `${load.spansPerRequest} ${load.encoding}`, ...names.map((name) => ((steady.threads.get(name) ?? 0) / steady.spans).toFixed(2)),
  ]);
  return table(['CPU us a span, steady', ...names], rows);
}

/** How the two compare. z: standard deviations between the shares of traces that they kept, were each trace kept by itself. */
export function otlpRatioTable(pairs: readonly OtlpPair[]): string {
  const head = ['spans a request', 'wire', 'spans a CPU second, steady, times', 'full, times', 'B a held span, share', 'steady, share', 'kept, z'];
  return table(head, pairs.map(({ thresher, collector }) => [
    String(thresher.load.spansPerRequest), thresher.load.encoding,
    (perSpan(collector.steady) / perSpan(thresher.steady)).toFixed(2), (perSpan(collector.full) / perSpan(thresher.full)).toFixed(2),
    (heldPerSpan(thresher) / heldPerSpan(collector)).toFixed(3), (heldPerSpanSteady(thresher) / heldPerSpanSteady(collector)).toFixed(3),
    zOfShares(thresher, collector).toFixed(1),
  ]));
}

/** The difference of two binomial shares by its standard deviation. */
export function zOfShares(a: Pick<OtlpResult, 'kept' | 'sent'>, b: Pick<OtlpResult, 'kept' | 'sent'>): number {
  const [n, m] = [a.sent.traces, b.sent.traces];
  const pooled = (a.kept.traces + b.kept.traces) / (n + m);
  return (a.kept.traces / n - b.kept.traces / m) / Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m));
}
