import { type FSWatcher, watch } from 'node:fs';
import { messageOf } from './errors.ts';
import { fileState } from './files.ts';
import type { Seam } from './seam.ts';

export interface FileWatchOptions {
  readonly seam: Seam;
  /** The files as they are found now; what it throws counts as a state of its own. */
  readonly find: () => readonly string[];
  /** Directories whose events make us look at once. */
  readonly directories: () => readonly string[];
  /** Called one at a time, once the files have stopped changing; and once at the start, since they may have changed before. */
  readonly onChange: () => Promise<unknown>;
  /** How often to look where no event comes, as on network file systems and under symbolic links. */
  readonly pollMs: number;
  /** Files must stay as they are for this long before they count as written. */
  readonly settleMs: number;
}

/** Looks at files that never settle this often, and then takes them as they are. */
const looksMax = 20;

/** Tells when files change, come or go. Goes by device and inode, size and times of change, so replaced files and links are seen too. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #watchers: FSWatcher[] = [];
  #running: Promise<void> | null = null;

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when an `onChange` that runs has ended; none comes after. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    this.#closeWatchers();
  }

  async #run(): Promise<void> {
    const { onChange, pollMs } = this.#options;
    let known: string | null = null;
    while (!this.#stopping.signal.aborted) {
      const now = this.#state();
      if (now !== known) {
        this.#watchDirectories();
        known = known === null ? now : await this.#settled(now);
        if (this.#stopping.signal.aborted) return;
        await onChange();
      } else {
        await this.#sleep(pollMs);
      }
    }
  }

  /** Sleeps for `ms`, or until an event comes and others of the same change had their time. */
  async #sleep(ms: number): Promise<void> {
    const { seam, settleMs } = this.#options;
    if (!this.#woken.signal.aborted) await seam.sleepMs(ms, this.#woken.signal).catch(() => undefined);
    if (!this.#woken.signal.aborted) return;
    this.#woken = new AbortController();
    await seam.sleepMs(settleMs, this.#stopping.signal).catch(() => undefined);
  }

  async #settled(first: string): Promise<string> {
    const { seam, settleMs } = this.#options;
    let last = first;
    for (let look = 0; look < looksMax && !this.#stopping.signal.aborted; look++) {
      await seam.sleepMs(settleMs, this.#stopping.signal).catch(() => undefined);
      const now = this.#state();
      if (now === last) break;
      last = now;
    }
    return last;
  }

  #state(): string {
    try {
      return this.#options.find().map(fileState).join('\n');
    } catch (error) {
      return `unusable: ${messageOf(error)}`;
    }
  }

  #wake(): void {
    this.#woken.abort();
  }

  /** Watches anew: a directory that was replaced no longer tells the old watcher. */
  #watchDirectories(): void {
    this.#closeWatchers();
    for (const directory of this.#options.directories()) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#wake());
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // Not there, or no more watches to be had: looking now and then must do.
      }
    }
  }

  #closeWatchers(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}
