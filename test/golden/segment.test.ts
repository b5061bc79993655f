import { describe, expect, test } from 'vitest';
import { CodedError } from '../../src/base/errors.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { readRetainedHeader, serialiseRetained } from '../../src/store/retained-batch.ts';
import { recoverSegment, segmentRecord, segmentRecords } from '../../src/store/segment.ts';
import { captureOf, captures, readCapture } from '../support/captures.ts';
import { canonical, toOtlp } from '../support/otap-to-otlp.ts';

/**
 * Scenario: two recorded streams of a signal, each taken up in its middle, are written to a segment, and a fresh process reads it.
 * Guarantees: the batches are equal, in order, with their ordinals; a segment that was cut off gives what was whole, and one that
 * was changed is refused.
 */
const record = (signal: Signal, kind: 'batch' | 'state', streamNumber: number, batchOrdinal: number, body: Uint8Array): Uint8Array =>
  segmentRecord(serialiseRetained({ kind, signal, encoding: 'none', withoutThreshold: 'unsampled', isChecked: false, batchOrdinal, arrivalUnixNano: 5n, streamNumber, bodyBytes: body.length }, body));

/** A segment of up to ten batches from the middle on of each stream in turn, and what each batch says. */
function segmentOf(names: readonly string[]): { readonly segment: Buffer; readonly expected: readonly (readonly string[])[] } {
  const streams = names.map((name, streamNumber) => {
    const { signal } = captureOf(name);
    const messages = readCapture(name);
    const decoder = new OtapStreamDecoder(signal);
    const at = Math.floor(messages.length / 2);
    for (const message of messages.slice(0, at)) decoder.decode(message);
    return { signal, streamNumber, decoder, state: record(signal, 'state', streamNumber, 0, decoder.state()), messages: messages.slice(at, at + 10) };
  });
  const records: Uint8Array[] = streams.map(({ state }) => state);
  const expected: string[][] = [];
  for (let i = 0; i < 10; i++) {
    for (const { signal, streamNumber, decoder, messages } of streams) {
      if (messages[i] === undefined) continue;
      records.push(record(signal, 'batch', streamNumber, expected.length, messages[i]));
      expected.push(canonical([toOtlp(decoder.decode(messages[i]))]));
    }
  }
  return { segment: Buffer.concat(records), expected };
}

const pairs = captures.map(({ name, signal }) => ({ name, other: captures.find((capture) => capture.signal === signal && capture.name !== name)?.name ?? name }));

describe.each(pairs)('$name and $other', ({ name, other }) => {
  test('are read back from a segment', () => {
    const { segment, expected } = segmentOf([name, other]);
    const recovered = [...recoverSegment(segment)];
    expect(recovered.map(({ batch }) => canonical([toOtlp(batch)]))).toEqual(expected);
    expect(recovered.map(({ header }) => header.batchOrdinal)).toEqual(expected.map((_, index) => index));
    expect(expected.flat().length).toBeGreaterThan(0);
  });
});

describe('a segment', () => {
  const { segment, expected } = segmentOf(['logs_zstd']);

  test('that was cut off while it was written gives what is whole', () => {
    const ends = [...segmentRecords(segment)].map(({ end }) => end);
    expect(ends.at(-1)).toBe(segment.length);
    for (const cut of [ends[3], ends[3] + 1, ends[3] + 7, ends[3] + 8, ends[4] - 1]) {
      expect([...recoverSegment(segment.subarray(0, cut))]).toHaveLength(3);
      expect([...segmentRecords(segment.subarray(0, cut))].at(-1)?.end).toBe(ends[3]);
    }
    expect([...recoverSegment(new Uint8Array(0))]).toEqual([]);
  });

  test('that was changed is refused, wherever that is', () => {
    const [{ end }] = [...segmentRecords(segment)];
    for (const at of [8, 20, end - 1, end + 8, end + 100, segment.length - 1]) {
      const changed = Buffer.from(segment);
      changed[at] ^= 4;
      expect(() => [...recoverSegment(changed)]).toThrow(CodedError);
    }
  });

  test('without the state of its stream is refused', () => {
    const [{ end }] = [...segmentRecords(segment)];
    expect(() => [...recoverSegment(segment.subarray(end))]).toThrow(/no state before its first batch/);
    expect(readRetainedHeader([...segmentRecords(segment)][0].bytes).kind).toBe('state');
    expect(expected.length).toBe(10);
  });
});
