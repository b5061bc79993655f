import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { encodeOtlp } from '../../../src/otlp/encode/protobuf.ts';
import { RequestEncoder } from '../../../src/otlp/encode/requests.ts';
import { canonical, type OtlpRequest } from '../../support/otap-to-otlp.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { batchOf } from '../../support/random-batch.ts';
import { randomRows } from '../../support/random-rows.ts';
import { entriesOf, requestOf } from '../../support/reencode.ts';

/**
 * Strategy: random batches with every extreme (NaN, -0, greatest and least integers, empty and repeated everything, children of nobody), several
 * joined to one, of which random rows are taken.
 * Invariants: protobufjs and JSON.parse read what was taken; requests are of the size asked for and hold every item once.
 */
const seeds = Array.from({ length: 25 }, (_, index) => index + 1);
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

function randomTaken(signal: Signal, seed: number): { readonly batch: OutputBatch; readonly expected: OtlpRequest[] } {
  const random = seededSeam(seed * 31).jitter;
  const builder = new OutputBatchBuilder(signal);
  const expected: OtlpRequest[] = [];
  for (let round = 0; round < 3; round++) {
    const source = batchOf(signal, randomRows(random, signal, 1 + Math.floor(random() * 40)), () => random() < 0.5);
    const taken = Uint32Array.from({ length: source.rowCount }, (_, row) => row).filter(() => random() < 0.7);
    builder.append(source, taken, null);
    const entries = entriesOf(source);
    expected.push(requestOf(signal, Array.from(taken, (row) => entries[row])));
  }
  return { batch: builder.finish(), expected };
}

const parseJson = (bytes: Uint8Array): OtlpRequest => JSON.parse(Buffer.from(bytes).toString('utf8'));

describe.each(signals)('%s', (signal) => {
  test.each(seeds)('is read as it was taken, seed %i', (seed) => {
    const { batch, expected } = randomTaken(signal, seed);
    const truth = canonical(expected);
    expect(canonical([parseOtlp(signal, encodeOtlp(batch))])).toEqual(truth);
    for (const encoding of ['proto', 'json'] as const) {
      const requests = new RequestEncoder(encoding, 3000).encode(batch);
      const parsed = requests.map(({ bytes }) => (encoding === 'json' ? parseJson(bytes) : parseOtlp(signal, bytes)));
      expect(canonical(parsed)).toEqual(truth);
      expect(requests.reduce((sum, { items }) => sum + items, 0)).toBe(batch.rowCount);
      expect(requests.filter(({ bytes, items }) => bytes.length > 3000 && items > 1)).toEqual([]);
    }
  });
});

test('a lost item is noticed', () => {
  const { batch, expected } = randomTaken('traces', 1);
  expect(canonical([parseOtlp('traces', encodeOtlp(batch))]).slice(1)).not.toEqual(canonical(expected));
});
