import { describe, expect, test } from 'vitest';
import { otlpRatioTable, otlpTable, otlpThreadTable, zOfShares } from '../../../bench/otlp-report.ts';
import type { OtlpResult, Stretch } from '../../../bench/otlp-run.ts';
import { threadsOf, useOf } from '../../../bench/process-cost.ts';

const stretch = (micros: number): Stretch => ({
  spans: 1_000_000, seconds: 10, cpuMicros: micros * 1e6, threads: new Map([['MainThread', micros * 6e5], ['idle', 0]]), refused: 0, slowestMs: 12, behindMs: 0, otherCoreShare: 0.1,
});

function result(side: OtlpResult['side'], micros: number, rssBytes: number, kept: number): OtlpResult {
  return {
    side, load: { spansPerRequest: 1000, encoding: 'gzip' }, steady: stretch(micros), full: stretch(micros / 2), held: { spans: 100_000, rssBytes, accountedBytes: null },
    heldSteady: { spans: 200_000, rssBytes }, idleRssBytes: 0, peakRssBytes: 2 ** 30, wireBytesPerSpan: 63, sent: { spans: 270_000, traces: 20_000 },
    kept: { spans: 36_000, traces: kept, counted: 0, adjusted: 0 }, exitCode: 0,
  };
}

describe('the bench of OTLP', () => {
  test('compares CPU a span, bytes a held span and shares of traces', () => {
    const pair = { thresher: result('Thresher', 3, 20e6, 2700), collector: result('Collector', 12, 150e6, 2700) };
    const [, , ratios] = otlpRatioTable([pair]).split('\n');
    expect(ratios).toBe('| 1000 | gzip | 4.00 | 4.00 | 0.133 | 0.133 | 0.0 |');
    const [, , thresher, collector] = otlpTable([pair]).split('\n');
    expect(thresher).toMatch(/^\| Thresher \| 1000 \| gzip \| 63 \| 3\.00 \| 100,000 \| 1\.50 \|.* 200 \| 100 \|  \| 13\.50 % \|  \|$/);
    expect(collector).toMatch(/^\| Collector .* 1500 \| 750 \|/);
    expect(otlpThreadTable([pair]).split('\n').at(-1)).toBe('| 1000 gzip | 1.80 |');
  });

  // Two shares of n each, drawn with p, differ by z standard deviations of sqrt(2 p (1 - p) / n).
  test('a difference of two standard deviations is one of two', () => {
    const [n, p] = [20_000, 0.135];
    const more = Math.round(2 * Math.sqrt(2 * p * (1 - p) * n));
    const at = (traces: number): Pick<OtlpResult, 'kept' | 'sent'> => result('Thresher', 1, 1, traces);
    expect(zOfShares(at(n * p + more / 2), at(n * p - more / 2))).toBeCloseTo(2, 1);
  });

  test.skipIf(process.platform !== 'linux')('reads what a process has used as the process itself does', () => {
    const before = useOf(process.pid);
    const own = process.cpuUsage();
    for (const start = performance.now(); performance.now() - start < 200; );
    const used = process.cpuUsage(own);
    const after = useOf(process.pid);
    expect(Math.abs(after.cpuMicros - before.cpuMicros - used.user - used.system)).toBeLessThan(50_000);
    expect(after.rssBytes / process.memoryUsage.rss()).toBeCloseTo(1, 1);
    expect(after.peakRssBytes).toBeGreaterThanOrEqual(after.rssBytes);
    const threads = [...threadsOf(process.pid).values()].reduce((sum, micros) => sum + micros, 0);
    expect(Math.abs(threads - after.cpuMicros)).toBeLessThan(200_000);
  });
});
