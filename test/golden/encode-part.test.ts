import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../src/base/seam.ts';
import type { OtapBatch } from '../../src/otap/batch.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import type { ItemStamps } from '../../src/otap/take/item-stamps.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { captures } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { type Json, type JsonObject, object, objects } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeWithGo, withoutGo } from '../support/otapverify.ts';
import { decodeOwn, entriesOf, plain, reencode, requestOf, type Taking, zstd } from '../support/reencode.ts';

/**
 * Scenario: a seeded random third of the rows of recorded streams is taken, with and without stamps, and encoded again.
 * Guarantees: what is read is that part of the truth, and stamps change exactly what they name, to our decoder and to the Go
 * reference consumer.
 */
describe.each(captures)('$name', ({ name, signal }) => {
  test('a random part is that part of the truth', () => {
    const { entries, choose } = randomPart(7, null);
    const decoded = canonical(decodeOwn(signal, reencode(name, plain, choose, 300)));
    const all = new Set(canonical(readTruth(name)));
    expect(decoded).toEqual(canonical([requestOf(signal, entries)]));
    expect(decoded.filter((item) => !all.has(item))).toEqual([]);
    expect(decoded.length).toBeGreaterThan(0);
  });

  test.runIf(signal !== 'metrics')('stamps change what they name and nothing else', () => {
    const { entries, choose } = randomPart(8, stampsFor(signal));
    const messages = reencode(name, zstd, choose, 300);
    const expected = canonical([requestOf(signal, entries)]);
    expect(canonical(decodeOwn(signal, messages))).toEqual(expected);
    if (withoutGo === null) expect(canonical(decodeWithGo(signal, messages))).toEqual(expected);
  });
});

type MakeStamps = (index: number) => { count: number; traceState: string | null; threshold: string | null; randomness: string | null };

/** Takes a third of the rows, and collects what of the source they should be. */
function randomPart(seed: number, stamps: MakeStamps | null): { entries: JsonObject[]; choose: (batch: OtapBatch) => Taking } {
  const seam = seededSeam(seed);
  const entries: JsonObject[] = [];
  let taken = 0;
  const choose = (batch: OtapBatch): Taking => {
    const rows = allRows(batch).filter(() => seam.jitter() < 1 / 3);
    const made = Array.from(rows, () => (stamps === null ? null : stamps(taken++)));
    const all = entriesOf(batch);
    rows.forEach((row, index) => entries.push(stamped(batch.signal, all[row], made[index])));
    return { rows, stamps: stamps === null ? null : columnsOf(batch.signal, made) };
  };
  return { entries, choose };
}

type Made = ReturnType<MakeStamps> | null;

function stampsFor(signal: Signal): MakeStamps {
  return (index) => ({
    count: index % 5 === 0 ? Number.NaN : 1 + (index % 3) * 1.5,
    traceState: signal === 'logs' || index % 4 === 0 ? null : index % 4 === 1 ? '' : `ot=th:${index % 16 === 0 ? '8' : 'e6666666666668'},vendor=x${index}`,
    threshold: index % 3 === 0 ? null : 'c',
    randomness: index % 3 === 1 ? null : `0000000000${(index % 7000).toString(16).padStart(4, '0')}`,
  });
}

function columnsOf(signal: Signal, made: readonly Made[]): ItemStamps {
  return {
    adjustedCount: Float64Array.from(made, (stamp) => stamp?.count ?? Number.NaN),
    traceState: signal === 'traces' ? made.map((stamp) => stamp?.traceState ?? null) : null,
    threshold: made.map((stamp) => stamp?.threshold ?? null),
    randomness: made.map((stamp) => stamp?.randomness ?? null),
  };
}

const members = { traces: ['scopeSpans', 'spans'], logs: ['scopeLogs', 'logRecords'], metrics: ['scopeMetrics', 'metrics'] } as const;
const stampKeys = new Set<Json | undefined>(['sampling.adjusted_count', 'sampling.threshold', 'sampling.randomness']);

/** The entry as stamping should leave it. */
function stamped(signal: Signal, entry: JsonObject, stamp: Made): JsonObject {
  if (stamp === null) return entry;
  const [scopes, items] = members[signal];
  const [scope] = objects(entry[scopes]);
  const [item] = objects(scope[items]);
  const attributes = objects(item['attributes']).filter(({ key }) => !stampKeys.has(key));
  if (!Number.isNaN(stamp.count)) attributes.push({ key: 'sampling.adjusted_count', value: { doubleValue: stamp.count } });
  if (stamp.threshold !== null) attributes.push({ key: 'sampling.threshold', value: { stringValue: stamp.threshold } });
  if (stamp.randomness !== null) attributes.push({ key: 'sampling.randomness', value: { stringValue: stamp.randomness } });
  const traceState = stamp.traceState ?? item['traceState'];
  const changed = { ...object(item), attributes, ...(signal === 'traces' && traceState !== undefined ? { traceState } : {}) };
  return { ...entry, [scopes]: [{ ...scope, [items]: [changed] }] };
}
