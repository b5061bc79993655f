import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { BodyCompressor, readRetainedHeader, retainedBody, type RetainedHeader, serialiseRetained } from '../../../src/store/retained-batch.ts';

const header: RetainedHeader = {
  kind: 'batch', signal: 'logs', encoding: 'none', withoutThreshold: 'unknown', isChecked: true, batchOrdinal: 2 ** 40 + 5, arrivalUnixNano: 1_700_000_000_123_456_789n, streamNumber: 77, bodyBytes: 5,
};
const body = Uint8Array.of(1, 2, 3, 4, 5);

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error.reason;
    throw error;
  }
  return 'nothing was thrown';
}

describe('a retained batch', () => {
  test('is these bytes: whoever changes them must change the version', () => {
    expect(Buffer.from(serialiseRetained(header, body)).toString('hex')).toBe(
      '54524201' + '00' + '01' + '00' + '03' + '0500000000010000' + '15cd853dfe9c9717' + '4d000000' + '05000000' + '0102030405');
    expect(Buffer.from(serialiseRetained({ ...header, kind: 'state', signal: 'metrics', encoding: 'gzip', withoutThreshold: 'unsampled' }, body)).subarray(0, 8).toString('hex')).toBe('5452420101020202');
    expect(readRetainedHeader(serialiseRetained({ ...header, ownRandomness: true }, body))).toEqual({ ...header, ownRandomness: true });
  });

  test('reads back as it was written, at any offset', () => {
    for (const kind of ['batch', 'state'] as const) {
      for (const signal of ['traces', 'logs', 'metrics'] as const) {
        for (const encoding of ['none', 'zstd', 'gzip'] as const) {
          for (const withoutThreshold of ['unsampled', 'unknown'] as const) {
            const written = { ...header, kind, signal, encoding, withoutThreshold };
            const packed = encoding === 'none' ? body : encoding === 'zstd' ? zstdCompressSync(body) : gzipSync(body);
            const bytes = new Uint8Array([9, ...serialiseRetained(written, packed)]).subarray(1);
            expect(readRetainedHeader(bytes)).toEqual(written);
            expect(Array.from(retainedBody(bytes))).toEqual([1, 2, 3, 4, 5]);
          }
        }
      }
    }
  });

  test('is a copy: the message may be changed', () => {
    const own = body.slice();
    const bytes = serialiseRetained(header, own);
    own.fill(0);
    expect(Array.from(retainedBody(bytes))).toEqual([1, 2, 3, 4, 5]);
  });

  test('of another version, or none at all, is refused by name', () => {
    const bytes = serialiseRetained(header, body);
    const changed = (at: number, value: number): Uint8Array => {
      const copy = bytes.slice();
      copy[at] = value;
      return copy;
    };
    expect(reasonOf(() => readRetainedHeader(changed(3, 2)))).toBe('retained_version');
    for (const [at, value] of [[0, 1], [1, 0], [4, 2], [5, 3], [6, 3], [7, 16], [7, 128]]) expect([at, reasonOf(() => readRetainedHeader(changed(at, value)))]).toEqual([at, 'retained_corrupt']);
    for (const length of [0, 3, 31]) expect(reasonOf(() => readRetainedHeader(bytes.subarray(0, length)))).toBe('retained_corrupt');
  });

  test('with another body than it announces is refused', () => {
    for (const bodyBytes of [4, 6]) {
      expect(reasonOf(() => retainedBody(serialiseRetained({ ...header, bodyBytes }, body)))).toBe('retained_corrupt');
      expect(reasonOf(() => retainedBody(serialiseRetained({ ...header, bodyBytes, encoding: 'zstd' }, zstdCompressSync(body))))).toBe('retained_corrupt');
      expect(reasonOf(() => retainedBody(serialiseRetained({ ...header, bodyBytes, encoding: 'gzip' }, gzipSync(body))))).toBe('retained_corrupt');
    }
    for (const encoding of ['zstd', 'gzip'] as const) expect(reasonOf(() => retainedBody(serialiseRetained({ ...header, encoding }, body)))).toBe('retained_corrupt');
    const bomb = zstdCompressSync(new Uint8Array(1 << 24));
    expect(reasonOf(() => retainedBody(serialiseRetained({ ...header, encoding: 'zstd' }, bomb)))).toBe('retained_corrupt');
  });
});

describe('bodies that came plain', () => {
  test('are compressed while that pays, looked at again now and then, and read back alike', () => {
    const compressor = new BodyCompressor();
    const soft = new Uint8Array(10_000);
    const hard = Buffer.concat(Array.from({ length: 300 }, (_, i) => createHash('sha256').update(String(i)).digest()));
    const encodings = (plain: Uint8Array, count: number): string[] => Array.from({ length: count }, () => {
      const { encoding, bytes } = compressor.compress(plain);
      const held = serialiseRetained({ ...header, encoding, bodyBytes: plain.length }, bytes);
      expect(Buffer.compare(retainedBody(held), plain)).toBe(0);
      return encoding;
    });
    expect(new Set(encodings(soft, 5))).toEqual(new Set(['zstd']));
    expect(new Set(encodings(hard, 5))).toEqual(new Set(['none']));
    // Soft again: found out within as many batches as lie between two looks.
    expect(encodings(soft, 65).at(-1)).toBe('zstd');
  });
});
