import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CodedError } from '../errors.ts';
import { arenaInputBytesMax, arenaOutputBytesMax, ZstdWasm } from './zstd-wasm.ts';

/**
 * Inputs of at least this many bytes are compressed by libzstd as node:zlib has it, which is faster at its work but
 * takes some 15 to 30 microseconds a call before it starts; libzstd in WebAssembly takes 2. What is decompressed goes to
 * node:zlib only where it does not fit the WebAssembly arena. Measured: docs/adr/0006-zstd-library.md.
 */
const nativeCompressBytesMin = 8 * 1024;

/** The largest window that a frame may ask for: 32 MiB. */
const windowLogMax = 25;

/** Made at the first call. One a thread, it keeps nothing from call to call but its memory. */
const wasm = lazily(() => new ZstdWasm());

/**
 * Decompresses one or more zstd frames into `output`, whose length must be exactly what they hold. Never writes nor
 * allocates more than `output` and a window of 32 MiB. Throws INVALID_ARGUMENT: malformed_zstd, size_mismatch.
 */
export function decompress(input: Uint8Array, output: Uint8Array): void {
  const small = input.length <= arenaInputBytesMax && output.length <= arenaOutputBytesMax;
  const size = small ? wasm().decompress(input, output) : decompressNative(input, output);
  if (size === -1) throw malformed(input, output);
  if (size !== output.length) {
    throw new CodedError('INVALID_ARGUMENT', 'size_mismatch', `zstd frame holds ${size} bytes where ${output.length} were declared`);
  }
}

/** `input` as one zstd frame, at `level` (1 is fast, 3 is zstd's default). */
export function compress(input: Uint8Array, level: number): Uint8Array {
  const output = new Uint8Array(compressBound(input.length));
  return output.subarray(0, compressInto(input, level, output, 0));
}

/**
 * Writes `input` as one zstd frame into `output` at `offset`; gives the frame's length.
 * Throws RangeError where `compressBound(input.length)` bytes are not there.
 */
export function compressInto(input: Uint8Array, level: number, output: Uint8Array, offset: number): number {
  if (output.length - offset < compressBound(input.length)) throw new RangeError('zstd: output smaller than compressBound');
  if (input.length < nativeCompressBytesMin) {
    const size = wasm().compress(input, level, output, offset);
    if (size !== -1) return size;
  }
  const frame = zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: level } });
  output.set(frame, offset);
  return frame.length;
}

/** Greatest length of a frame of `bytes` (ZSTD_COMPRESSBOUND in zstd.h, and room for the headers of a streamed frame). */
export function compressBound(bytes: number): number {
  return bytes + (bytes >>> 8) + (bytes < 131_072 ? (131_072 - bytes) >>> 11 : 0) + 64;
}

function decompressNative(input: Uint8Array, output: Uint8Array): number {
  const options = {
    maxOutputLength: Math.max(output.length, 1),
    chunkSize: Math.min(Math.max(output.length, 64), 1 << 18),
    params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
  };
  try {
    const plain = zstdDecompressSync(input, options);
    if (plain.length > output.length) return -1;
    output.set(plain);
    return plain.length;
  } catch {
    return -1;
  }
}

function malformed(input: Uint8Array, output: Uint8Array): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'malformed_zstd', `${input.length} bytes are no zstd frame that holds at most ${output.length} bytes`);
}

function lazily<T>(make: () => T): () => T {
  let made: T | null = null;
  return () => (made ??= make());
}
