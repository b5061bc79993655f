import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decompressLz4Frame } from '../../../src/base/compression/lz4-frame.ts';
import { xxhash32 } from '../../../src/base/compression/xxhash32.ts';
import { CodedError } from '../../../src/base/errors.ts';

// Frames made by liblz4 (python-lz4 4.4); see test/golden/captures/pyarrow/make.py.
const vector = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'vectors', name));
const words = vector('words.bin');

function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return `${error.status} ${error.reason}`;
    throw error;
  }
  return 'no error';
}

describe('LZ4 frames', () => {
  test.each(['linked.lz4', 'independent.lz4', 'two_frames.lz4'])('%s: what liblz4 wrote', (name) => {
    const output = new Uint8Array(words.length);
    decompressLz4Frame(vector(name), output);
    expect(Buffer.compare(output, words)).toBe(0);
  });

  test('a frame that holds more or less than declared is refused and writes nothing beyond', () => {
    const arena = new Uint8Array(words.length).fill(9);
    expect(codeOf(() => decompressLz4Frame(vector('linked.lz4'), arena.subarray(0, 5_000)))).toBe('INVALID_ARGUMENT size_mismatch');
    expect(arena.subarray(5_000).every((byte) => byte === 9)).toBe(true);
    expect(codeOf(() => decompressLz4Frame(vector('linked.lz4'), new Uint8Array(words.length + 1)))).toBe('INVALID_ARGUMENT size_mismatch');
  });

  test.each(['linked.lz4', 'independent.lz4'])('%s: a flipped byte never passes, nor does a truncation', (name) => {
    const frame = vector(name);
    for (let at = 0; at < frame.length; at += 991) {
      const bad = Uint8Array.from(frame);
      bad[at] ^= 0x41;
      expect(codeOf(() => decompressLz4Frame(bad, new Uint8Array(words.length))), `byte ${at}`).toMatch(/^INVALID_ARGUMENT/);
      expect(codeOf(() => decompressLz4Frame(frame.subarray(0, at), new Uint8Array(words.length))), `cut at ${at}`).toMatch(/^INVALID_ARGUMENT/);
    }
  });

  // Values published with the algorithm's specification (sanity checks of XXH32 with seed 0).
  test('XXH32 of known texts', () => {
    expect(xxhash32(Buffer.from(''))).toBe(0x02cc5d05);
    expect(xxhash32(Buffer.from('a'))).toBe(0x550d7456);
    expect(xxhash32(Buffer.from('abc'))).toBe(0x32d153ff);
    expect(xxhash32(Buffer.from('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
  });
});
