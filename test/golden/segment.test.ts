import { describe, expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { BatchReader, type ReadBatch } from '../../src/pipeline/journal/batch-reader.ts';
import { recordKinds } from '../../src/pipeline/journal/records.ts';
import { encodeRecord, readSegment, segmentHeader, segmentHeaderBytes } from '../../src/storage/log-format.ts';
import { serialiseRetained } from '../../src/store/retained-batch.ts';
import { captureOf, captures, readCapture } from '../support/captures.ts';
import { canonical, toOtlp } from '../support/otap-to-otlp.ts';

/**
 * Scenario: two recorded streams of a signal, each taken up in its middle, are written to a segment of the log, and a fresh process reads it.
 * Guarantees: the batches are equal, in order, with their ordinals; a segment that was cut off gives what was whole; of one that was
 * changed, the place is named and nothing of the stream is read that hangs on it.
 */
function record(signal: Signal, kind: 'batch' | 'state', place: { readonly streamNumber: number; readonly sequence: number }, batchOrdinal: number, body: Uint8Array): Uint8Array {
  const { streamNumber, sequence } = place;
  const header = { kind, signal, encoding: 'none', withoutThreshold: 'unsampled', isChecked: false, batchOrdinal, arrivalUnixNano: 5n, streamNumber, bodyBytes: body.length } as const;
  const number = new Uint8Array(Uint32Array.of(sequence).buffer);
  return encodeRecord(recordKinds.batch, [number, serialiseRetained(header, body)]);
}

interface Written {
  readonly segment: Buffer;
  /** Where each record ends. */
  readonly ends: readonly number[];
  readonly expected: readonly (readonly string[])[];
}

/** A segment of up to ten batches from the middle on of each stream in turn, and what each batch says. */
function segmentOf(names: readonly string[]): Written {
  const streams = names.map((name, streamNumber) => {
    const { signal } = captureOf(name);
    const messages = readCapture(name);
    const decoder = new OtapStreamDecoder(signal);
    const at = Math.floor(messages.length / 2);
    for (const message of messages.slice(0, at)) decoder.decode(message);
    return { signal, streamNumber, decoder, state: record(signal, 'state', { streamNumber, sequence: 0 }, 0, decoder.state()), messages: messages.slice(at, at + 10) };
  });
  const records: Uint8Array[] = streams.map(({ state }) => state);
  const expected: string[][] = [];
  for (let i = 0; i < 10; i++) {
    for (const { signal, streamNumber, decoder, messages } of streams) {
      if (messages[i] === undefined) continue;
      records.push(record(signal, 'batch', { streamNumber, sequence: i + 1 }, expected.length, messages[i]));
      expected.push(canonical([toOtlp(decoder.decode(messages[i]))]));
    }
  }
  let end = segmentHeaderBytes;
  return { segment: Buffer.concat([segmentHeader(1), ...records]), ends: records.map(({ length }) => (end += length)), expected };
}

interface Read {
  readonly batches: ReadBatch[];
  readonly damagedAt: number[];
  /** Why batches could not be read. */
  readonly refused: string[];
}

function readBack(segment: Uint8Array): Read {
  const reader = new BatchReader({ retained: 0 }, {}, 0);
  const read: Read = { batches: [], damagedAt: [], refused: [] };
  for (const entry of readSegment(segment)) {
    if (!('body' in entry)) {
      read.damagedAt.push(entry.at);
      continue;
    }
    try {
      const batch = reader.read(entry.body);
      if (batch !== null) read.batches.push(batch);
    } catch (error) {
      read.refused.push(String(error));
    }
  }
  return read;
}

const pairs = captures.map(({ name, signal }) => ({ name, other: captures.find((capture) => capture.signal === signal && capture.name !== name)?.name ?? name }));

describe.each(pairs)('$name and $other', ({ name, other }) => {
  test('are read back from a segment', () => {
    const { segment, expected } = segmentOf([name, other]);
    const { batches, damagedAt, refused } = readBack(segment);
    expect(batches.map(({ held }) => canonical([toOtlp(held.open())]))).toEqual(expected);
    expect(batches.map(({ header }) => header.batchOrdinal)).toEqual(expected.map((_, index) => index));
    expect([...damagedAt, ...refused]).toEqual([]);
    expect(expected.flat().length).toBeGreaterThan(0);
  });
});

describe('a segment', () => {
  const { segment, ends, expected } = segmentOf(['logs_zstd']);

  test('that was cut off while it was written gives what is whole', () => {
    expect(ends.at(-1)).toBe(segment.length);
    expect(readBack(segment.subarray(0, ends[3])).damagedAt).toEqual([]);
    for (const cut of [ends[3] + 1, ends[3] + 7, ends[3] + 8, ends[4] - 1]) {
      const { batches, damagedAt, refused } = readBack(segment.subarray(0, cut));
      expect(batches).toHaveLength(3);
      expect(damagedAt).toEqual([ends[3]]);
      expect(refused).toEqual([]);
    }
    expect(readBack(new Uint8Array(0))).toEqual({ batches: [], damagedAt: [], refused: [] });
  });

  test('that was changed is named, wherever that is, and its stream is not read on', () => {
    expect(expected.length).toBe(10);
    const starts = [segmentHeaderBytes, ...ends];
    for (const [index, start] of starts.slice(0, -1).entries()) {
      for (const at of [start, start + 4, start + 8, start + 12, start + 16, start + 20, ends[index] - 1]) {
        const changed = Buffer.from(segment);
        changed[at] ^= 4;
        const { batches, damagedAt, refused } = readBack(changed);
        expect(damagedAt).toEqual([start]);
        expect(batches.map(({ header }) => header.batchOrdinal)).toEqual(Array.from({ length: Math.max(0, index - 1) }, (_, ordinal) => ordinal));
        expect(refused).toHaveLength(ends.length - 1 - index);
        for (const why of refused) expect(why).toMatch(/a record of stream 0 is missing/);
      }
    }
  });

  test('without the state of its stream is refused', () => {
    const { batches, refused } = readBack(Buffer.concat([segmentHeader(1), segment.subarray(ends[0])]));
    expect(batches).toEqual([]);
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatch(/a record of stream 0 is missing before its number 1/);
  });
});
