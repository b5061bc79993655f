import { expect, test } from 'vitest';
import { type BufferSource, freshBuffers } from '../../../src/otap/ipc/buffer-source.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { wrapped } from '../../support/otlp-fields.ts';
import { readEverything } from '../../support/read-everything.ts';

/*
 * Strategy: requests that are nothing but the shortest message of a kind, again and again, for every kind of message that is a row or an entry of a list.
 * Guarantees: memory for what is found in a request, and for all of its columns, is bounded by its length times a constant.
 */

/** Just beyond where lists double. */
const count = 33_000;
/** Bytes of index for a byte of the request: an empty span of 2 bytes takes 12 slots of 4, and its place, which had to grow. */
const indexMax = 60;
/** With all columns. */
const columnsMax = 80;

class Counting implements BufferSource {
  bytes = 0;

  take(bytes: number): Uint8Array<ArrayBuffer> {
    this.bytes += bytes;
    return freshBuffers.take(bytes);
  }
}

/** Field numbers from the request to what holds the messages, and the bytes of one. */
const kinds: readonly (readonly [string, Signal, readonly number[], readonly number[]])[] = [
  ['resources', 'traces', [], [0x0a, 0]],
  ['scopes', 'traces', [1], [0x12, 0]],
  ['pieces of a resource', 'traces', [1], [0x0a, 0]],
  ['spans', 'traces', [1, 2], [0x12, 0]],
  ['attributes', 'traces', [1, 2, 2], [0x4a, 0]],
  ['attributes that are arrays', 'traces', [1, 2, 2], [0x4a, 4, 0x12, 2, 0x2a, 0]],
  ['values in an array', 'traces', [1, 2, 2, 9, 2, 5], [0x0a, 0]],
  ['entries of a map', 'traces', [1, 2, 2, 9, 2, 6], [0x0a, 0]],
  ['events', 'traces', [1, 2, 2], [0x5a, 0]],
  ['links', 'traces', [1, 2, 2], [0x6a, 0]],
  ['pieces of a status', 'traces', [1, 2, 2], [0x7a, 0]],
  ['names of a span', 'traces', [1, 2, 2], [0x2a, 0]],
  ['log records', 'logs', [1, 2], [0x12, 0]],
  ['metrics', 'metrics', [1, 2], [0x12, 0]],
  ['pieces of a gauge', 'metrics', [1, 2, 2], [0x2a, 0]],
  ['gauges', 'metrics', [1, 2], [0x12, 2, 0x2a, 0]],
  ['number points', 'metrics', [1, 2, 2, 5], [0x0a, 0]],
  ['histogram points', 'metrics', [1, 2, 2, 9], [0x0a, 0]],
  ['exponential points', 'metrics', [1, 2, 2, 10], [0x0a, 0]],
  ['summary points', 'metrics', [1, 2, 2, 11], [0x0a, 0]],
  ['exemplars', 'metrics', [1, 2, 2, 5, 1], [0x2a, 0]],
  ['quantiles', 'metrics', [1, 2, 2, 11, 1], [0x32, 0]],
  ['pieces of buckets', 'metrics', [1, 2, 2, 10, 1], [0x42, 0]],
  ['chunks of counts', 'metrics', [1, 2, 2, 9, 1], [0x32, 0]],
  ['single counts', 'metrics', [1, 2, 2, 10, 1, 8], [0x10, 1]],
  ['packed counts', 'metrics', [1, 2, 2, 10, 1, 8, 2], [1]],
];

test.each(kinds)('%s', (_, signal, path, unit) => {
  const bytes = wrapped(path, Buffer.alloc(count * unit.length, Uint8Array.from(unit)));
  const source = new Counting();
  const batch = decodeOtlp(signal, bytes, { source, isChecked: true });
  expect(source.bytes / bytes.length).toBeLessThan(indexMax);
  expect(readEverything(batch)).toEqual([]);
  expect(source.bytes / bytes.length).toBeLessThan(columnsMax);
});
