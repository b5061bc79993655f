import { expect, test } from 'vitest';
import type { ItemStamps } from '../../../src/otap/take/item-stamps.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import type { OtlpBatch } from '../../../src/otlp/decode/otlp-batch.ts';
import { Splicer } from '../../../src/otlp/splice/splicer.ts';
import { field, wrapped } from '../../support/otlp-fields.ts';
import { type Json, objects } from '../../support/otlp-json.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';

/*
 * Scenario: 20,000 spans, each in a scope of its own or all in one, of one resource, are spliced in steps, as gatherers do.
 * Guarantees: what is around items is walked once for a request, not for each scope, nor for each step. (Once for each scope took seconds here.)
 * Other tests of splicing: test/golden/otlp-splice.test.ts, test/property/otlp/splice.prop.test.ts.
 */
const count = 20_000;
const longestMs = 600;

const empty = [0x12, 0];
const requests: readonly (readonly [string, Uint8Array])[] = [
  ['each in a scope of its own', wrapped([1], Buffer.alloc(count * 4, Uint8Array.from([0x12, 2, ...empty])))],
  ['all in one scope', wrapped([1, 2], Buffer.alloc(count * 2, Uint8Array.from(empty)))],
];

test.each(requests)('%s', (_, bytes) => {
  const batch = decodeOtlp('traces', bytes, { isChecked: true });
  const splicer = new Splicer('traces');
  const began = process.cpuUsage();
  for (let from = 0; from < count; from += 64) splicer.append(batch, Uint32Array.from({ length: Math.min(64, count - from) }, (__, index) => from + index), null);
  const items = splicer.finish();
  expect(process.cpuUsage(began).user / 1000).toBeLessThan(longestMs);
  expect(items.rowCount).toBe(count);
});

test('a row that cannot be taken leaves nothing behind', () => {
  const batch = decodeOtlp('traces', field(1, field(2, field(2, field(5, Buffer.from('a'))), field(2, field(5, Buffer.from('b')), field(9, [0x08, 1])))));
  const stamps: ItemStamps = { adjustedCount: Float64Array.of(Number.NaN, 2), traceState: null, threshold: null, randomness: null };
  const splicer = new Splicer('traces');
  expect(() => splicer.append(batch, Uint32Array.of(0, 1), stamps)).toThrow(/KeyValue: field 1 has wire type 0/);
  expect(splicer.rowCount).toBe(0);
  splicer.append(batch, Uint32Array.of(0), stamps);
  const [{ bytes }] = splicer.finish().requests(1000);
  expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(field(1, field(2, field(2, field(5, Buffer.from('a')))))).toString('hex'));
});

test('what is around items counts, once', () => {
  const resource = Buffer.alloc(10_000, 'x');
  const batch = decodeOtlp('traces', field(1, field(3, resource), field(2, field(2), field(2)), field(2, field(2))));
  const splicer = new Splicer('traces');
  splicer.append(batch, Uint32Array.of(0, 1, 2), null);
  expect(splicer.byteLength).toBeGreaterThan(10_000);
  expect(splicer.byteLength).toBeLessThan(11_000);
  splicer.finish();
  expect(splicer.byteLength).toBe(0);
});

test('the codes of one batch are not those of another, nor of what was gathered before', () => {
  const [one, other] = ['a', 'b'].map((url) => decodeOtlp('logs', field(1, field(2, field(2), field(3, Buffer.from(url))), field(3, Buffer.from(`r${url}`)))));
  const splicer = new Splicer('logs');
  const gathered = (...batches: readonly OtlpBatch[]): Json[] => {
    for (const batch of batches) splicer.append(batch, Uint32Array.of(0), null);
    const [{ bytes }] = splicer.finish().requests(1 << 20);
    return objects(parseOtlp('logs', bytes).resourceLogs).map(({ schemaUrl = '', scopeLogs }) => [schemaUrl, ...objects(scopeLogs).flatMap((scoped) => [scoped['schemaUrl'] ?? '', objects(scoped['logRecords']).length])]);
  };
  expect(gathered(one, other, one)).toEqual([['ra', 'a', 2], ['rb', 'b', 1]]);
  expect(gathered(other)).toEqual([['rb', 'b', 1]]);
});
