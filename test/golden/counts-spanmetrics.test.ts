import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinDelimited, withoutGo } from '../support/otapverify.ts';
import { spansMessages } from '../support/given-messages.ts';
import { sampleOf } from './counts-sample.ts';
import { type FlatItem, flatItems } from './recipes.ts';

/**
 * Scenario: what Thresher sends is decoded by the reference consumer and goes through the spanmetrics connector of the Collector, the version in
 * test/support/go/spancounts/go.mod.
 * Guarantees: what docs/counts.md says of it: it counts by our thresholds, and one for what has a count alone.
 */

interface Point {
  readonly metric: string;
  readonly service: string;
  readonly value: number;
  readonly count: number;
  readonly sum: number;
}

const directory = mkdtempSync(join(tmpdir(), 'spancounts-'));
const program = join(directory, 'spancounts');
afterAll(() => rmSync(directory, { recursive: true }));

function counted(messages: readonly Uint8Array[]): readonly Point[] {
  const file = join(directory, 'capture.otap');
  writeFileSync(file, joinDelimited(messages));
  return JSON.parse(execFileSync(program, [file], { encoding: 'utf8', maxBuffer: 2 ** 26 })) as Point[];
}

const sum = (points: readonly Point[], metric: string, of: 'value' | 'count' | 'sum', service?: string): number =>
  points.filter((point) => point.metric === metric && (service === undefined || point.service === service)).reduce((total, point) => total + point[of], 0);

/** What it counts a span as: our count where there is a threshold, else one. */
function expectedCount({ item, attributes }: FlatItem): number {
  return String(item['traceState'] ?? '').includes('th:') ? Number(attributes['sampling.adjusted_count']) : 1;
}

const secondsOf = ({ item }: FlatItem): number => Number(BigInt(String(item['endTimeUnixNano'])) - BigInt(String(item['startTimeUnixNano']))) / 1e9;

describe.skipIf(withoutGo !== null)('spanmetrics', () => {
  // A minute on the first build: a part of the Collector is compiled.
  beforeAll(() => {
    execFileSync('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, '../support/go/spancounts'), stdio: ['ignore', 'ignore', 'inherit'] });
  }, 900_000);

  test('counts a span as often as its threshold says, in calls and in histograms', async () => {
    const { messages, requests } = await sampleOf('traces', 'SELECT trace_id, CASE WHEN has_error THEN 1 ELSE 0.25 END AS probability FROM traces');
    const [points, items] = [counted(messages), flatItems(requests, null)];
    const services = new Set(items.map(({ service }) => service));
    expect(services.size).toBe(12);
    // Some recorded spans bring an rv that does not reach their trace's threshold: a count, and no threshold.
    const without = items.filter(({ item }) => !String(item['traceState'] ?? '').includes('th:'));
    expect(without.length).toBeGreaterThan(0);
    expect(without.length).toBeLessThan(items.length / 100);
    for (const service of services) {
      const own = items.filter((item) => item.service === service);
      const total = own.reduce((all, item) => all + expectedCount(item), 0);
      expect(total).toBeGreaterThan(own.length * 2);
      expect(sum(points, 'spanmetrics.calls', 'value', service)).toBe(total);
      expect(sum(points, 'spanmetrics.duration', 'count', service)).toBe(total);
      expect(sum(points, 'spanmetrics.duration', 'sum', service)).toBeCloseTo(own.reduce((all, item) => all + expectedCount(item) * secondsOf(item), 0), 6);
    }
  });

  test('rounds counts that are no whole numbers up or down', async () => {
    const { messages, requests } = await sampleOf('traces');
    const items = flatItems(requests, null);
    const total = items.reduce((all, { attributes }) => all + Number(attributes['sampling.adjusted_count']), 0);
    const calls = sum(counted(messages), 'spanmetrics.calls', 'value');
    console.log(`${total.toFixed(1)} by our counts, ${calls} calls, ${items.length} spans`);
    expect(Number.isInteger(calls)).toBe(true);
    expect(Math.abs(calls - total)).toBeLessThan(items.length);
    expect(calls).toBeGreaterThan(items.length * 2);
  });

  test('counts one for what has a count and no threshold', async () => {
    const spans = Array.from({ length: 200 }, (_, index) => ({ trace: (index + 1).toString(16).padStart(32, 'a'), startMs: 1000, attributes: { 'sampling.adjusted_count': 4 } }));
    const { messages, requests } = await sampleOf('traces', 'SELECT trace_id, 1.0 AS probability FROM traces', spansMessages([spans]));
    const items = flatItems(requests, null);
    expect(items.map(({ attributes }) => attributes['sampling.adjusted_count'])).toEqual(Array.from({ length: 200 }, () => 4));
    expect(sum(counted(messages), 'spanmetrics.calls', 'value')).toBe(200);
  });
});
