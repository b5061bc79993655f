import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clickHouse, type Row, runClickHouse } from '../support/clickhouse/clickhouse.ts';
import { object } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { sampleOf } from './counts-sample.ts';
import { type FlatItem, flatItems, recipes } from './recipes.ts';

/**
 * Scenario: recorded traces and what a policy keeps of them lie in tables as the Collector's exporter makes them; ClickHouse runs the SQL of
 * docs/counts.md.
 * Guarantees: on all spans it is the truth, worked out here from the recording; on the sample it is near it.
 */

// The columns of the exporter's table that the document reads (exporter/clickhouseexporter, traces_table.sql).
const table = `CREATE OR REPLACE TABLE otel_traces (Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String, SpanName LowCardinality(String),
  ServiceName LowCardinality(String), SpanAttributes Map(LowCardinality(String), String), Duration UInt64, StatusCode LowCardinality(String)) ENGINE = MergeTree ORDER BY (ServiceName, SpanName, Timestamp)`;

const documented = recipes().filter(({ engine }) => engine === 'clickhouse');
const home = clickHouse();
const directory = mkdtempSync(join(tmpdir(), 'counts-'));
afterAll(() => rmSync(directory, { recursive: true }));

const durationOf = ({ item }: FlatItem): number => Number(BigInt(String(item['endTimeUnixNano'])) - BigInt(String(item['startTimeUnixNano'])));
const isFailed = ({ item }: FlatItem): boolean => object(item['status'])['code'] === 2;

function rowOf(flat: FlatItem): object {
  const { item, service, attributes } = flat;
  const start = String(item['startTimeUnixNano']);
  return {
    Timestamp: `${start.slice(0, -9)}.${start.slice(-9)}`, TraceId: item['traceId'], SpanId: item['spanId'], ParentSpanId: item['parentSpanId'] ?? '', TraceState: item['traceState'] ?? '', SpanName: item['name'],
    ServiceName: service, SpanAttributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, String(value)])), Duration: durationOf(flat),
    StatusCode: isFailed(flat) ? 'Error' : 'Unset',
  };
}

function results(name: string, items: readonly FlatItem[]): ReadonlyMap<string, readonly Row[]> {
  const file = join(directory, `${name}.jsonl`);
  writeFileSync(file, items.map((item) => JSON.stringify(rowOf(item))).join('\n'));
  const [view, ...queries] = documented;
  const rows = runClickHouse(home ?? '', [table, `INSERT INTO otel_traces SELECT * FROM file('${file}', 'JSONEachRow')`, view.sql], queries.map(({ sql }) => sql));
  return new Map(queries.map((query, index) => [query.name, rows[index]]));
}

describe.skipIf(home === null)('ClickHouse', () => {
  let all: readonly FlatItem[] = [];
  let [truth, kept] = [new Map<string, readonly Row[]>() as ReadonlyMap<string, readonly Row[]>, new Map<string, readonly Row[]>() as ReadonlyMap<string, readonly Row[]>];
  beforeAll(async () => {
    all = flatItems(readTruth('traces_zstd'), 1);
    truth = results('all', all);
    kept = results('kept', flatItems((await sampleOf('traces')).requests, null));
  }, 300_000);

  const services = (): Map<string, FlatItem[]> => {
    const found = new Map<string, FlatItem[]>();
    for (const item of all) found.set(item.service, [...(found.get(item.service) ?? []), item]);
    return found;
  };
  const of = (from: ReadonlyMap<string, readonly Row[]>, name: string, column: string): number[] => (from.get(name) ?? []).map((row) => Number(row[column]));
  const sorted = (): [string, FlatItem[]][] => [...services()].sort(([a], [b]) => (a < b ? -1 : 1));

  test('of all spans it is what the recording says', () => {
    const expected = sorted().map(([, items]) => items);
    expect(documented.map(({ name }) => name)).toEqual(['view of spans', 'totals', 'rate', 'ratios', 'percentiles', 'traces']);
    expect(of(truth, 'totals', 'Spans')).toEqual(expected.map((items) => items.length));
    expect(of(truth, 'totals', 'StandardError').every((error) => error === 0)).toBe(true);
    expect(of(truth, 'traces', 'Traces')).toEqual(expected.map((items) => new Set(items.map(({ item }) => item['traceId'])).size));
    expect(of(truth, 'rate', 'RequestsPerSecond').reduce((a, b) => a + b)).toBe(all.filter(({ item }) => (item['parentSpanId'] ?? '') === '').length);
    of(truth, 'ratios', 'ErrorRate').forEach((rate, index) => expect(rate).toBeCloseTo(expected[index].filter(isFailed).length / expected[index].length, 12));
    of(truth, 'ratios', 'MeanMs').forEach((mean, index) => expect(mean).toBeCloseTo(expected[index].reduce((sum, item) => sum + durationOf(item), 0) / expected[index].length / 1e6, 6));
  });

  test('of the sample it is near the truth: totals within 4 of their standard errors, percentiles by their rank', () => {
    const errors = of(kept, 'totals', 'StandardError');
    const off = of(kept, 'totals', 'Spans').map((spans, index) => (spans - of(truth, 'totals', 'Spans')[index]) / errors[index]);
    console.log(`z ${off.map((z) => z.toFixed(1)).join(' ')}`);
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(4);
    expect(Math.sqrt(off.reduce((sum, z) => sum + z * z, 0) / off.length)).toBeGreaterThan(0.4);
    for (const [index, [, items]] of sorted().entries()) {
      const [p50, p95] = (kept.get('percentiles')?.[index]['P50P95Ms'] ?? []) as readonly number[];
      const shareBelow = (ms: number): number => items.filter((item) => durationOf(item) / 1e6 <= ms).length / items.length;
      expect(Math.abs(shareBelow(p50) - 0.5)).toBeLessThan(0.16);
      expect(Math.abs(shareBelow(p95) - 0.95)).toBeLessThan(0.05);
    }
    const means = of(kept, 'ratios', 'MeanMs');
    of(kept, 'ratios', 'TheSameMeanMs').forEach((mean, index) => expect(mean / means[index]).toBeCloseTo(1, 9));
    of(kept, 'ratios', 'ErrorRate').forEach((rate, index) => expect(rate / of(truth, 'ratios', 'ErrorRate')[index]).toBeCloseTo(1, 0));
  });
});
