import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { compress, compressBound, compressInto, decompress } from '../../../src/base/compression/zstd.ts';
import { CodedError } from '../../../src/base/errors.ts';

/** Half noise, half repetition, so that frames are neither stored nor trivial. */
function sample(bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  let state = 12345;
  for (let index = 0; index < bytes; index++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    data[index] = index % 3 === 0 ? index & 0xf0 : (state >>> 16) & 15;
  }
  return data;
}

/** Sizes on both sides of the borders between WebAssembly and node:zlib. */
const sizes = [0, 1, 300, 2_000, 8_191, 8_192, 16_000, 24_000, 100_000, 524_288, 524_289, 2_000_000];

function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return `${error.status} ${error.reason}`;
    throw error;
  }
  return 'no error';
}

describe('zstd', () => {
  test.each(sizes)('%i bytes: reads what libzstd in node:zlib writes', (size) => {
    const plain = sample(size);
    for (const level of [1, 3, 9]) {
      const output = new Uint8Array(size);
      decompress(zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: level } }), output);
      expect(Buffer.compare(output, plain)).toBe(0);
    }
  });

  test.each(sizes)('%i bytes: node:zlib reads what it writes, within the bound', (size) => {
    const plain = sample(size);
    for (const level of [1, 3]) {
      const frame = compress(plain, level);
      expect(frame.length).toBeLessThanOrEqual(compressBound(size));
      expect(Buffer.compare(zstdDecompressSync(frame), plain)).toBe(0);
    }
  });

  test('noise is within the bound too', () => {
    for (const size of [1, 500, 5_000, 6_200, 200_000]) {
      const noise = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
      expect(compress(noise, 1).length).toBeLessThanOrEqual(compressBound(noise.length));
    }
  });

  test('compressInto writes at the offset and nowhere else', () => {
    const plain = sample(1_000);
    const output = new Uint8Array(compressBound(1_000) + 20).fill(7);
    const size = compressInto(plain, 1, output, 20);
    expect([...output.subarray(0, 20)]).toEqual(new Array(20).fill(7));
    expect(Buffer.compare(zstdDecompressSync(output.subarray(20, 20 + size)), plain)).toBe(0);
    expect(() => compressInto(plain, 1, output, 21)).toThrow(RangeError);
  });

  test('frames one after another are read as one', () => {
    const plain = sample(3_000);
    const frames = Buffer.concat([zstdCompressSync(plain.subarray(0, 1_000)), zstdCompressSync(plain.subarray(1_000))]);
    const output = new Uint8Array(3_000);
    decompress(frames, output);
    expect(Buffer.compare(output, plain)).toBe(0);
  });

  test.each([2_000, 600_000])('a frame of %i bytes that holds more or less than declared is refused and writes nothing beyond', (size) => {
    const frame = zstdCompressSync(sample(size));
    const arena = new Uint8Array(size + 100).fill(9);
    expect(codeOf(() => decompress(frame, arena.subarray(0, size - 1)))).toBe('INVALID_ARGUMENT malformed_zstd');
    expect(arena.subarray(size - 1).every((byte) => byte === 9)).toBe(true);
    expect(codeOf(() => decompress(frame, new Uint8Array(size + 1)))).toBe('INVALID_ARGUMENT size_mismatch');
  });

  test('a bomb costs no more than the declared output', () => {
    const bomb = zstdCompressSync(new Uint8Array(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(12 * 1024);
    expect(codeOf(() => decompress(bomb, new Uint8Array(1_000)))).toBe('INVALID_ARGUMENT malformed_zstd');
    expect(codeOf(() => decompress(bomb, new Uint8Array(1_000_000)))).toBe('INVALID_ARGUMENT malformed_zstd');
  });

  test('every truncation and what is no zstd at all is refused, and the next good frame is read', () => {
    const plain = sample(2_000);
    const frame = zstdCompressSync(plain);
    for (let length = 0; length < frame.length; length += 13) {
      expect(codeOf(() => decompress(frame.subarray(0, length), new Uint8Array(2_000)))).toMatch(/^INVALID_ARGUMENT/);
    }
    expect(codeOf(() => decompress(sample(50_000), new Uint8Array(10)))).toBe('INVALID_ARGUMENT malformed_zstd');
    const output = new Uint8Array(2_000);
    decompress(frame, output);
    expect(Buffer.compare(output, plain)).toBe(0);
  });
});
