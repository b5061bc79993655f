import { describe, expect, test } from 'vitest';
import { givenItems } from '../../../src/authoring/given/given-items.ts';
import { TraceKeys } from '../../../src/authoring/given/trace-keys.ts';
import { readItems } from '../../../src/authoring/kept-items.ts';
import { parseTestFile } from '../../../src/authoring/test-file/load.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { visitFixedBytes } from '../../../src/store/field-readers.ts';

function built(given: string, seedName = 'a') {
  const file = parseTestFile('x.test.yaml', `cases: [{ name: one, given: ${given}, expect: { spans: { kept: 1 } } }]`);
  const items = givenItems(file.cases[0].given, { windowMs: 10_000, seed: 1, resolve: (path) => path });
  const keys = new TraceKeys(items.fixedIds);
  items.batches.forEach((batch) => keys.add(batch));
  const ids = keys.idsOf(seedName);
  return { items, keys, batches: items.batches.map((_, number) => keys.renamed(number, ids, 0n)) };
}

function randomnessOf(traceId: string): bigint {
  return BigInt(`0x${traceId.slice(18)}`);
}

function linked(batch: OtapBatch): string[] {
  const ids: string[] = [];
  const column = batch.table('SPAN_LINKS')?.column('trace_id');
  if (column === null || column === undefined) return ids;
  visitFixedBytes(column, (_, data, offset) => ids.push(Buffer.from(data.subarray(offset, offset + 16)).toString('hex')));
  return ids;
}

describe('given items', () => {
  test('items lie in the windows of their times, traces before logs', () => {
    const { items } = built('{ traces: [{ name: a, window: 1, spans: [{}, { start: 9s }, { start: 11s }] }], logs: [{ name: l, window: 1 }, { name: m }] }');
    expect(items.batches.map(({ signal, rowCount }) => [signal, rowCount])).toEqual([['logs', 1], ['traces', 2], ['logs', 1], ['traces', 1]]);
    expect(items.windows).toBe(3);
  });

  test('every seed renames spans, their records and links alike; given ids stay', () => {
    const given = '{ traces: [{ name: a, repeat: 3, spans: [{ links: [{ trace: b }] }, {}] }, { name: b, repeat: 3 }, { name: c, id: "0123456789abcdef0123456789abcdef" }], logs: [{ name: l, repeat: 3, trace: b }] }';
    const ids = ['x', 'y'].map((seed) => {
      const { batches: [spans, logs] } = built(given, seed);
      const [traces, records] = [readItems(spans).traceIds, readItems(logs).traceIds];
      expect(traces.slice(0, 6)).toEqual([traces[0], traces[0], traces[2], traces[2], traces[4], traces[4]]);
      expect(linked(spans)).toEqual(traces.slice(6, 9));
      expect(records).toEqual(traces.slice(6, 9));
      expect(traces[9]).toBe('0123456789abcdef0123456789abcdef');
      return traces.slice(0, 9);
    });
    expect(new Set(ids.flat()).size).toBe(12);
  });

  test('randomness is uniform over what the stated thresholds leave', () => {
    const { batches: [batch] } = built('{ traces: [{ name: a, repeat: 4000, tracestate: ot=th:c }, { name: b, repeat: 4000 }] }');
    const u = readItems(batch).traceIds.map((id) => Number(randomnessOf(id)) / 2 ** 56);
    for (const [from, to, least] of [[0, 4000, 0.75], [4000, 8000, 0]] as const) {
      const sorted = u.slice(from, to).sort((a, b) => a - b);
      expect(sorted[0]).toBeGreaterThanOrEqual(least);
      // Kolmogorov-Smirnov at 4000 values: 1.95 / sqrt(n) is passed with a chance of 0.001.
      const distance = sorted.reduce((most, value, index) => Math.max(most, Math.abs((value - least) / (1 - least) - (index + 0.5) / sorted.length)), 0);
      expect(distance).toBeLessThan(1.95 / Math.sqrt(4000));
    }
  });

  test('counts that came are read as they will be', () => {
    const { batches: [batch] } = built('{ traces: [{ name: a, tracestate: ot=th:c }, { name: b, spans: [{ adjusted_count: 3 }] }, { name: c }] }');
    expect([...readItems(batch).counts]).toEqual([4, 3, 1]);
  });

  test('an item that states its own randomness cannot be renamed', () => {
    const { items } = built('{ traces: [{ name: a, tracestate: "ot=rv:80000000000000" }] }');
    expect(() => TraceKeys.assertRenamable(items.batches[0])).toThrow('states its own randomness');
  });
});
