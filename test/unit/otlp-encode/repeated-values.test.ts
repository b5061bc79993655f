import { describe, expect, test } from 'vitest';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { RequestEncoder } from '../../../src/otlp/encode/requests.ts';
import { batchOf } from '../../support/random-batch.ts';

/*
 * Scenario: spans of a batch that came as OTAP have one long value in common, which the batch holds once and OTLP writes with every span.
 * Guarantees: requests are made one by one and never far longer than they may be, so that gigabytes of OTLP take no gigabytes of memory; every span is
 * in one of them; a span that is too long by itself is told of, and costs no other.
 */
function spansWith(value: string, count: number, of: (row: number) => boolean = () => true): OutputBatch {
  const spans = Array.from({ length: count }, (_, id) => ({
    'id': id, 'resource.id': 0, 'scope.id': 0, 'name': `n${id}`, 'trace_id': new Uint8Array(16).fill(1), 'span_id': new Uint8Array(8).fill(2),
    'start_time_unix_nano': 1n, 'duration_time_unix_nano': 1n,
  }));
  const attributes = spans.filter((_, row) => of(row)).map(({ id }) => ({ parent_id: id, key: 'k', type: 1, str: value }));
  const batch = batchOf('traces', { SPANS: spans, SPAN_ATTRS: attributes }, (path) => path === 'str');
  const builder = new OutputBatchBuilder('traces');
  builder.append(batch, allRows(batch), null);
  return builder.finish();
}

describe.each(['proto', 'json'] as const)('%s', (encoding) => {
  test('requests come one by one, the first without the rest', () => {
    const batch = spansWith('x'.repeat(10_000), 4000);
    const began = process.cpuUsage();
    const [first] = new RequestEncoder(encoding, 40_000).each(batch);
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(400);
    expect(first.bytes?.length).toBeLessThanOrEqual(40_000);
    expect(first.items).toBeGreaterThan(1);
  });

  test('what is written in halves is all there, once', () => {
    const batch = spansWith('x'.repeat(1000), 1000);
    const requests = new RequestEncoder(encoding, 20_000).encode(batch);
    for (const { bytes } of requests) expect(bytes.length).toBeLessThanOrEqual(20_000);
    const text = Buffer.concat(requests.map(({ bytes }) => bytes)).toString('latin1');
    const names = new Set(text.match(/n\d+/g));
    expect(names.size).toBe(1000);
    expect(requests.reduce((sum, { items }) => sum + items, 0)).toBe(1000);
  });

  test('an item that is too long is told of', () => {
    const batch = spansWith('x'.repeat(300_000), 10, (row) => row === 4);
    const requests = [...new RequestEncoder(encoding, 20_000, 200_000).each(batch)];
    expect(requests.filter(({ bytes }) => bytes === null)).toEqual([{ bytes: null, items: 1 }]);
    expect(requests.reduce((sum, { items }) => sum + items, 0)).toBe(10);
    expect(() => new RequestEncoder(encoding, 20_000, 200_000).encode(batch)).toThrow('longer than 200000 bytes');
  });
});
