import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type HeadState, parseState } from './state.ts';

/** A larger file is none of ours: 10,000 services and as many operations come to less. */
const bytesMax = 64 * 2 ** 20;

/** Where rates outlive the process: one file of JSON, replaced as a whole, so that it is that of before or that of after. One write at a time; of those that are asked for meanwhile the last. */
export class StateFile {
  readonly #path: string;
  #next: HeadState | null = null;
  #writing: Promise<void> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** What an earlier process left; null where there is none. Throws where it cannot be read, or is something else. */
  async read(): Promise<HeadState | null> {
    const found = await stat(this.#path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
    if (found === null) return null;
    if (found.size > bytesMax) throw new Error(`${this.#path}: ${found.size} bytes are more than the ${bytesMax} that are read`);
    return parseState(await readFile(this.#path, 'utf8'));
  }

  /** Resolves when this state, or a later one, is there. Rejects where it cannot be written. */
  write(state: HeadState): Promise<void> {
    this.#next = state;
    this.#writing ??= this.#work().finally(() => { this.#writing = null; });
    return this.#writing;
  }

  async #work(): Promise<void> {
    for (let state = this.#next; state !== null; state = this.#next) {
      this.#next = null;
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(`${this.#path}.new`, JSON.stringify(state), { flush: true, mode: 0o600 });
      await rename(`${this.#path}.new`, this.#path);
    }
  }
}
