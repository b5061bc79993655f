import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that runs beside the test, and what it has said on its standard error and output. */
export class Child {
  readonly #process: ChildProcess;
  readonly #closed: Promise<readonly unknown[]>;
  readonly name: string;
  #said = '';

  constructor(name: string, program: string, args: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}) {
    this.name = name;
    this.#process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(options.cwd === undefined ? {} : { cwd: options.cwd }), env: { ...process.env, ...options.env } });
    this.#closed = once(this.#process, 'close');
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString();
      });
    }
  }

  get said(): string {
    return this.#said;
  }

  get runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Waits until it has said this. Throws when it ends first, or does not say it in time. */
  async says(words: string, limitMs = 30_000): Promise<void> {
    await until(() => this.#said.includes(words) || !this.runs, limitMs, () => `${this.name} did not say "${words}": ${this.#last()}`);
    if (!this.#said.includes(words)) throw new Error(`${this.name} ended before it said "${words}": ${this.#last()}`);
  }

  /** Exit code and signal. */
  closed(): Promise<readonly unknown[]> {
    return this.#closed;
  }

  /** Asks it to end and waits until it has; ends it for good where it takes longer than `limitMs`. Gives the exit code, null after a signal. */
  async stop(limitMs = 30_000): Promise<unknown> {
    if (this.runs) this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), limitMs);
    const [code] = await this.#closed;
    clearTimeout(timer);
    return code;
  }

  /** Ends it at once (kill -9). */
  async kill(): Promise<void> {
    if (this.runs) this.#process.kill('SIGKILL');
    await this.#closed;
  }

  #last(): string {
    return this.#said.split('\n').slice(-15).join('\n');
  }
}

/** Waits until `done` holds, looking every 20 ms. Throws `told` when it does not within the limit. */
export async function until(done: () => boolean | Promise<boolean>, limitMs: number, told: () => string = () => ''): Promise<void> {
  for (const start = performance.now(); !(await done());) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
