import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadCounts, LoadOptions } from './load.ts';

/** A process that sends until it is stopped. */
export class Sender {
  readonly #child: ChildProcess;

  constructor(options: LoadOptions) {
    this.#child = fork(fileURLToPath(new URL('load.ts', import.meta.url)), [JSON.stringify(options)]);
  }

  async stop(): Promise<LoadCounts> {
    this.#child.send('stop');
    const [counts] = await once(this.#child, 'message');
    return counts;
  }
}
