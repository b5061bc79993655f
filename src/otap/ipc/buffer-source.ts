import { type BufferSource, freshBuffers } from '../../base/buffer-source.ts';

export { type BufferSource, freshBuffers } from '../../base/buffer-source.ts';

const firstBytes = 256 * 1024;
const bytesMax = 8 * 1024 * 1024;

/**
 * One piece of memory for all buffers of a batch, used again for the next: what is decompressed for a moment then costs
 * no collection. After `reset` everything that was taken is void, so nobody may keep a column, or a view of one.
 */
export class BufferArena implements BufferSource {
  #memory = new ArrayBuffer(firstBytes);
  #used = 0;
  /** Bytes that did not fit since the last reset. */
  #missed = 0;

  take(bytes: number): Uint8Array<ArrayBuffer> {
    const start = this.#used;
    if (start + bytes > this.#memory.byteLength) {
      this.#missed += bytes;
      return freshBuffers.take(bytes);
    }
    this.#used = (start + bytes + 7) & ~7;
    return new Uint8Array(this.#memory, start, bytes);
  }

  /** Takes everything back; memory that turned out too small grows, up to 8 MiB. */
  reset(): void {
    const wanted = this.#used + this.#missed;
    if (this.#missed > 0 && this.#memory.byteLength < bytesMax) {
      this.#memory = new ArrayBuffer(Math.min(bytesMax, Math.max(wanted, this.#memory.byteLength * 2)));
    }
    this.#used = 0;
    this.#missed = 0;
  }
}

/** Arenas of batches that are worked on at the same time; a few are kept for the next. */
export class ArenaPool {
  readonly #free: BufferArena[] = [];
  readonly #keptMax: number;

  constructor(keptMax = 8) {
    this.#keptMax = keptMax;
  }

  acquire(): BufferArena {
    return this.#free.pop() ?? new BufferArena();
  }

  /** Nothing that was read with the arena may be used any more. */
  release(arena: BufferArena): void {
    arena.reset();
    if (this.#free.length < this.#keptMax) this.#free.push(arena);
  }
}
