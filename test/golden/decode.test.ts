import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../src/otap/batch.ts';
import { OtapStreamDecoder, reopenBatch } from '../../src/otap/decode/stream-decoder.ts';
import { captures, readCapture, type Capture } from '../support/captures.ts';
import { canonical, toOtlp, type OtlpRequest } from '../support/otap-to-otlp.ts';
import { readTruth } from '../support/otlp-truth.ts';

function decodeAll({ name, signal }: Capture): OtapBatch[] {
  const decoder = new OtapStreamDecoder(signal);
  return readCapture(name).map((bar) => decoder.decode(bar));
}

/** The first batch of which decoded and recorded telemetry differ, and the first items that do. */
function firstDifference(decoded: readonly OtlpRequest[], truth: readonly OtlpRequest[], batchwise: boolean): string | null {
  const groups = batchwise ? decoded.map((request, index) => [[request], truth.slice(index, index + 1)] as const) : [[decoded, truth] as const];
  for (const [index, [found, expected]] of groups.entries()) {
    const left = canonical(found);
    const right = canonical(expected);
    const at = right.findIndex((item, position) => item !== left[position]);
    if (at !== -1 || left.length !== right.length) return `batch ${index}, ${left.length} items of ${right.length}:\n${left[at] ?? 'none'}\n${right[at] ?? 'none'}`;
  }
  return null;
}

/** A copy of the telemetry with the `nth` leaf (a text, number or truth value) changed. */
function mutated(requests: readonly OtlpRequest[], nth: number): OtlpRequest[] {
  let leaf = 0;
  return JSON.parse(JSON.stringify(requests), (_, value: unknown) => {
    if (typeof value === 'object' || leaf++ !== nth) return value;
    return typeof value === 'boolean' ? !value : typeof value === 'number' ? value + 1 : `1${String(value)}`;
  });
}

describe('recorded streams', () => {
  test.each(captures)('$name equals its truth', (capture) => {
    const batches = decodeAll(capture);
    const truth = readTruth(capture.name);
    if (capture.batchwise) expect(batches.length).toBe(truth.length);
    expect(truth.length).toBeGreaterThan(0);
    expect(firstDifference(batches.map(toOtlp), truth, capture.batchwise)).toBeNull();
  });

  test.each(captures)('$name differs from a truth with one value changed', (capture) => {
    const decoder = new OtapStreamDecoder(capture.signal);
    const decoded = capture.batchwise ? [toOtlp(decoder.decode(readCapture(capture.name)[0]))] : decodeAll(capture).map(toOtlp);
    const truth = capture.batchwise ? readTruth(capture.name).slice(0, 1) : readTruth(capture.name);
    expect(firstDifference(decoded, truth, false)).toBeNull();
    for (const nth of capture.batchwise ? [1, 57] : [57]) expect(firstDifference(decoded, mutated(truth, nth), false)).not.toBeNull();
  });

  test.each(captures)('$name: batches opened again by their layouts are what they were', (capture) => {
    const bars = readCapture(capture.name).slice(0, 40);
    const decoder = new OtapStreamDecoder(capture.signal);
    const batches = bars.map((bar) => decoder.decode(bar));
    for (const [index, batch] of batches.entries()) {
      if (index % 7 !== 0) continue;
      // Another copy of the bytes, at an odd offset, after the stream has moved on.
      const copy = new Uint8Array(bars[index].length + 1);
      copy.set(bars[index], 1);
      const again = reopenBatch(batch.layout, copy.subarray(1));
      expect(again.batchId).toBe(batch.batchId);
      expect(canonical([toOtlp(again)])).toEqual(canonical([toOtlp(batch)]));
    }
  });

  test.each(captures)('$name: a fresh decoder given the state goes on where the other was', (capture) => {
    const bars = readCapture(capture.name);
    const at = Math.min(Math.floor(bars.length / 2), 100);
    const first = new OtapStreamDecoder(capture.signal);
    for (const bar of bars.slice(0, at)) first.decode(bar);
    const second = new OtapStreamDecoder(capture.signal);
    expect(second.decode(first.state()).rowCount).toBe(0);
    for (const bar of bars.slice(at, at + 5)) {
      expect(canonical([toOtlp(second.decode(bar))])).toEqual(canonical([toOtlp(first.decode(bar))]));
    }
  });
});
