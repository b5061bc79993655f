import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Bytes of the arena's two halves: what goes in, and what may come out. */
export const arenaInputBytesMax = 512 * 1024;
export const arenaOutputBytesMax = 2 * 1024 * 1024;

/** libzstd's functions by the (minified) names under which @bokuweb/zstd-wasm 0.0.27 exports them. */
interface ZstdExports {
  readonly memory: WebAssembly.Memory;
  readonly isError: (code: number) => number;
  readonly malloc: (bytes: number) => number;
  readonly createCCtx: () => number;
  readonly createDCtx: () => number;
  /** (context, to, toBytesMax, from, fromBytes, dictionary, dictionaryBytes, level): bytes written, or an error code. */
  readonly compressUsingDict: (...parameters: number[]) => number;
  /** (context, to, toBytesMax, from, fromBytes, dictionary, dictionaryBytes): bytes written, or an error code. */
  readonly decompressUsingDict: (...parameters: number[]) => number;
}

/**
 * libzstd in WebAssembly with one compression and one decompression context and one arena, all made once: a call
 * copies in, runs and copies out, without a malloc. Only for buffers within the arena's sizes. Not re-entrant.
 */
export class ZstdWasm {
  readonly #zstd: ZstdExports;
  readonly #compression: number;
  readonly #decompression: number;
  readonly #input: number;
  readonly #output: number;
  #heap: Uint8Array;

  constructor() {
    this.#zstd = instantiate();
    this.#compression = this.#zstd.createCCtx();
    this.#decompression = this.#zstd.createDCtx();
    this.#input = this.#zstd.malloc(arenaInputBytesMax);
    this.#output = this.#zstd.malloc(arenaOutputBytesMax);
    this.#heap = new Uint8Array(this.#zstd.memory.buffer);
    if (this.#compression === 0 || this.#decompression === 0 || this.#input === 0 || this.#output === 0) {
      throw new Error('zstd: out of memory in WebAssembly');
    }
  }

  /** Bytes written to `output`, or -1 where `input` is no zstd frame that fits in it. */
  decompress(input: Uint8Array, output: Uint8Array): number {
    this.#heapNow().set(input, this.#input);
    const size = this.#zstd.decompressUsingDict(this.#decompression, this.#output, output.length, this.#input, input.length, 0, 0);
    return this.#copyOut(size, output, 0);
  }

  /** Bytes written to `output` from `offset` on, or -1 where they do not fit. */
  compress(input: Uint8Array, level: number, output: Uint8Array, offset: number): number {
    this.#heapNow().set(input, this.#input);
    const room = Math.min(output.length - offset, arenaOutputBytesMax);
    const size = this.#zstd.compressUsingDict(this.#compression, this.#output, room, this.#input, input.length, 0, 0, level);
    return this.#copyOut(size, output, offset);
  }

  #copyOut(size: number, output: Uint8Array, offset: number): number {
    if (this.#zstd.isError(size) !== 0) return -1;
    const heap = this.#heapNow();
    output.set(heap.subarray(this.#output, this.#output + size), offset);
    return size;
  }

  /** The memory as it is: a context that grew it has detached the view of before. */
  #heapNow(): Uint8Array {
    if (this.#heap.byteLength === 0) this.#heap = new Uint8Array(this.#zstd.memory.buffer);
    return this.#heap;
  }
}

function instantiate(): ZstdExports {
  const main = createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm');
  const module = new WebAssembly.Module(readFileSync(join(dirname(main), 'zstd.wasm')));
  const heap: { memory: WebAssembly.Memory | null } = { memory: null };
  const fail = (): never => {
    throw new Error('zstd: WebAssembly aborted');
  };
  const imports = { a: fail, b: () => {}, c: fail, d: () => 0, e: (bytes: number) => grow(heap.memory, bytes >>> 0) };
  const { exports } = new WebAssembly.Instance(module, { a: imports });
  const { f: memory, g: initialise } = exports;
  if (!(memory instanceof WebAssembly.Memory)) throw new Error('zstd: unexpected WebAssembly module');
  heap.memory = memory;
  callable(initialise, 0)();
  return {
    memory,
    isError: callable(exports.h, 1),
    createCCtx: callable(exports.j, 0),
    compressUsingDict: callable(exports.l, 8),
    createDCtx: callable(exports.n, 0),
    decompressUsingDict: callable(exports.q, 7),
    malloc: callable(exports.s, 1),
  };
}

/** emscripten's emscripten_resize_heap: 1 where the memory has at least `bytes` afterwards. */
function grow(memory: WebAssembly.Memory | null, bytes: number): number {
  if (memory === null) return 0;
  try {
    memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / 65_536));
    return 1;
  } catch {
    return 0;
  }
}

function callable(value: WebAssembly.ExportValue | undefined, parameters: number): (...args: number[]) => number {
  if (typeof value !== 'function' || value.length !== parameters) throw new Error('zstd: unexpected WebAssembly module');
  return value as (...args: number[]) => number;
}
