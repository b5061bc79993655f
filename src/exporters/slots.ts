/** So many may be under way at once; the others wait in order. */
export class Slots {
  #free: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];
  #idle: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `work` when there is a slot for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#taken++;
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  /** Resolves when nothing is under way and nothing waits. */
  async idle(): Promise<void> {
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Hands the slot to the first who waits. */
  #release(): void {
    this.#taken--;
    const next = this.#waiting.shift();
    if (next !== undefined) next();
    else this.#free++;
    if (this.#taken === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
