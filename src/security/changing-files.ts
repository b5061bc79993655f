import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import { fileState } from '../base/files.ts';
import type { Seam } from '../base/seam.ts';

export interface ChangingFilesOptions<T> {
  readonly seam: Seam;
  readonly paths: readonly string[];
  /** Contents, in the order of the paths, to what is wanted of them; throws when they cannot be used. */
  readonly read: (contents: readonly Buffer[]) => T;
  readonly onChange: (value: T) => void;
  /** Told once of every state of the files that cannot be used; the value stays as it was. */
  readonly onFailure: (error: unknown) => void;
  /** How long a look at the files counts; default 1000. */
  readonly lookEveryMs?: number;
}

const bytesMax = 2 ** 20;

/**
 * What a few small files say, read again when they change: at use, so that nothing runs in between, and by device, inode, size and times, so
 * that replaced files and links (as Kubernetes mounts secrets) are seen too.
 */
export class ChangingFiles<T> {
  readonly #options: ChangingFilesOptions<T>;
  /** Of the files when `#value` was read. */
  #state: string;
  /** Of the files that could not be used last. */
  #failed: string | null = null;
  #value: T;
  #lookedMs: number;

  /** Throws when the files cannot be read or used now. */
  constructor(options: ChangingFilesOptions<T>) {
    this.#options = options;
    this.#lookedMs = options.seam.monotonicMs();
    this.#state = stateOf(options.paths);
    this.#value = options.read(options.paths.map(readBounded));
  }

  /** What the files say, or said when they could last be used. */
  get value(): T {
    const nowMs = this.#options.seam.monotonicMs();
    if (nowMs - this.#lookedMs >= (this.#options.lookEveryMs ?? 1000)) this.look();
    return this.#value;
  }

  /** Looks at the files now. Never throws. */
  look(): void {
    const { seam, paths, read, onChange, onFailure } = this.#options;
    this.#lookedMs = seam.monotonicMs();
    // Before they are read: what is written meanwhile is seen the next time.
    const state = stateOf(paths);
    if (state === this.#state) return;
    try {
      this.#value = read(paths.map(readBounded));
    } catch (error) {
      // Tried again at the next look: it may have been the machine's fault.
      if (state !== this.#failed) onFailure(error);
      this.#failed = state;
      return;
    }
    this.#state = state;
    this.#failed = null;
    onChange(this.#value);
  }
}

function stateOf(paths: readonly string[]): string {
  try {
    return paths.map(fileState).join('\n');
  } catch (error) {
    return messageOf(error);
  }
}

function readBounded(path: string): Buffer {
  const { size } = statSync(path);
  if (size > bytesMax) throw new Error(`${path}: ${size} bytes are more than the ${bytesMax} that are read`);
  return readFileSync(path);
}
