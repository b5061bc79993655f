import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { canonical, type OtlpRequest, toOtlp } from '../../support/otap-to-otlp.ts';
import { decodeWithGo, withoutGo } from '../../support/otapverify.ts';
import { batchOf } from '../../support/random-batch.ts';
import { randomRows } from '../../support/random-rows.ts';
import { entriesOf, plain, requestOf, zstd } from '../../support/reencode.ts';

/**
 * Strategy: streams of random batches, several joined to one, of which random rows are taken, all on one encoder, so that columns
 * appear and dictionaries grow from batch to batch.
 * Invariants: our decoder reads the rows that were taken; so does the Go reference consumer.
 */
const seeds = Array.from({ length: 25 }, (_, index) => index + 1);
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

interface Stream {
  readonly messages: Uint8Array[];
  readonly expected: OtlpRequest[];
}

function randomStream(signal: Signal, seed: number): Stream {
  const random = seededSeam(seed).jitter;
  const encoder = new OtapStreamEncoder(signal, { ...(random() < 0.5 ? plain : zstd), omit: new Set(['METRIC_ATTRS'] as const) });
  const builder = new OutputBatchBuilder(signal);
  const messages: Uint8Array[] = [];
  const expected: OtlpRequest[] = [];
  for (let batch = 0; batch < 6; batch++) {
    const rows = { ...randomRows(random, signal, 1 + Math.floor(random() * 40)), METRIC_ATTRS: [] };
    const source = batchOf(signal, rows, () => random() < 0.5);
    const taken = Uint32Array.from({ length: source.rowCount }, (_, row) => row).filter(() => random() < 0.6);
    builder.append(source, taken, null);
    const entries = entriesOf(source);
    expected.push(requestOf(signal, Array.from(taken, (row) => entries[row])));
    if (builder.rowCount > 0 && random() < 0.6) messages.push(encoder.encode(BigInt(messages.length), builder.finish()));
  }
  if (builder.rowCount > 0) messages.push(encoder.encode(BigInt(messages.length), builder.finish()));
  return { messages, expected };
}

/** A table that holds nothing but zeros of both signs loses them (docs/otap.md). */
function unsigned(items: readonly string[]): string[] {
  return items.map((item) => item.replaceAll(/:-0\b/g, ':0')).sort();
}

describe.each(signals)('%s', (signal) => {
  test.each(seeds)('our decoder reads what was taken, seed %i', (seed) => {
    const { messages, expected } = randomStream(signal, seed);
    const decoder = new OtapStreamDecoder(signal);
    const decoded = messages.map((message) => toOtlp(decoder.decode(message)));
    expect(unsigned(canonical(decoded))).toEqual(unsigned(canonical(expected)));
  });

  test.skipIf(withoutGo !== null).each(seeds)('the Go reference consumer reads what was taken, seed %i', (seed) => {
    const { messages, expected } = randomStream(signal, seed);
    expect(unsigned(canonical(decodeWithGo(signal, messages)))).toEqual(unsigned(canonical(expected)));
  });
});
