import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows, appendSplit } from '../../../src/otap/take/split.ts';
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import { type JsonObject, objects, type OtlpRequest } from '../../support/otlp-json.ts';
import { batchOf } from '../../support/random-batch.ts';
import { pick, type Random, randomRows } from '../../support/random-rows.ts';
import { plain } from '../../support/reencode.ts';

/**
 * Strategy: random batches are dealt out row by row to several builders of random sizes.
 * Invariants: nothing is lost, doubled or changed; taking what was taken changes nothing; the same rows give the same bytes;
 * as many resources as the telemetry has.
 */
const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

function decoded(batch: OutputBatch): OtapBatch {
  return new OtapStreamDecoder(batch.signal).decode(new OtapStreamEncoder(batch.signal, plain).encode(0n, batch));
}

function whole(batch: OtapBatch): OutputBatch {
  const builder = new OutputBatchBuilder(batch.signal);
  builder.append(batch, allRows(batch), null);
  return builder.finish();
}

/** A table of nothing but zeros of both signs loses them (docs/otap.md). */
function items(requests: readonly OtlpRequest[]): string[] {
  return canonical(requests).map((item) => item.replaceAll(/:-0\b/g, ':0')).sort();
}

function deal(random: Random, signal: Signal, sources: readonly OtapBatch[]): OutputBatch[] {
  const builders = Array.from({ length: 3 }, () => new OutputBatchBuilder(signal, 1 + Math.floor(random() * 50)));
  const outputs: OutputBatch[] = [];
  for (const source of sources) {
    const hands = Array.from({ length: source.rowCount }, () => pick(random, [0, 1, 2]));
    builders.forEach((builder, hand) => appendSplit(builder, source, allRows(source).filter((row) => hands[row] === hand), null, (full) => outputs.push(full)));
  }
  for (const builder of builders) if (builder.rowCount > 0) outputs.push(builder.finish());
  return outputs;
}

describe.each(signals)('%s', (signal) => {
  test.each(seeds)('dealt out and read again is what it was, seed %i', (seed) => {
    const random = seededSeam(seed).jitter;
    const sources = Array.from({ length: 4 }, () => batchOf(signal, randomRows(random, signal, 1 + Math.floor(random() * 40)), () => random() < 0.5));
    const outputs = deal(random, signal, sources);
    expect(items(outputs.map((output) => toOtlp(decoded(output))))).toEqual(items(sources.map(toOtlp)));
  });

  test.each(seeds)('taken twice is taken once, and the same rows give the same bytes, seed %i', (seed) => {
    const random = seededSeam(seed).jitter;
    const source = batchOf(signal, randomRows(random, signal, 30), () => random() < 0.5);
    const once = decoded(whole(source));
    expect(items([toOtlp(decoded(whole(once)))])).toEqual(items([toOtlp(once)]));
    const encode = (): Uint8Array => new OtapStreamEncoder(signal, plain).encode(0n, whole(source));
    expect(Buffer.compare(encode(), encode())).toBe(0);
  });

  test.each(seeds)('has as many resources as the telemetry, seed %i', (seed) => {
    const random = seededSeam(seed).jitter;
    const rows = randomRows(random, signal, 30);
    const builder = new OutputBatchBuilder(signal);
    const source = batchOf(signal, rows);
    for (const same of [source, batchOf(signal, rows, () => true)]) builder.append(same, allRows(same), null);
    const request = toOtlp(source);
    const entries = objects(request.resourceSpans ?? request.resourceLogs ?? request.resourceMetrics);
    const resources = new Set(canonical([withoutItems(signal, entries)]));
    expect(new Set(builder.finish().resourceOf).size).toBe(resources.size);
  });
});

/** The same resources, each with one empty item in an empty scope. */
function withoutItems(signal: Signal, entries: readonly JsonObject[]): OtlpRequest {
  const members = { traces: ['resourceSpans', 'scopeSpans', 'spans'], logs: ['resourceLogs', 'scopeLogs', 'logRecords'], metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'] } as const;
  const [resources, scopes, itemsName] = members[signal];
  return { [resources]: entries.map((entry) => ({ ...entry, [scopes]: [{ [itemsName]: [{}] }] })) };
}
