import { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { setImmediate as realTurn } from 'node:timers/promises';
import { Database, Session } from '../../../src/store/duckdb.ts';
import { replaced } from './replaced.ts';

type AsyncCall<Of, Given extends unknown[], Answer> = (this: Of, ...given: Given) => Promise<Answer>;

/** A call that waits for its turn; those of one connection keep their order. */
interface Call {
  readonly of: unknown;
  readonly work: () => Promise<void>;
  isHeld: boolean;
}

/**
 * Whose turn it is, in place of the threads and of the event loop: what runs beside each other takes turns by chance, and everything happens at a moment
 * that the seed fixes. The engine works on one call at a time, chosen among those that wait; with `slow` a call may be held until the clock has moved, as if it took that long.
 * Between `take` and `release` the engine's calls and `setImmediate` of the whole process go through it.
 */
export class Turns {
  readonly #chance: () => number;
  readonly #slow: number;
  readonly #calls: Call[] = [];
  readonly #immediates: (() => void)[] = [];
  readonly #mend: () => void;
  /** Calls that were held. */
  held = 0;

  private constructor(chance: () => number, slow: number) {
    this.#chance = chance;
    this.#slow = slow;
    const mend = [
      replaced(Database.prototype, 'connect', (connect) => this.#inTurn(connect)),
      replaced(Session.prototype, 'run', (run) => this.#inTurn(run)),
      replaced(DuckDBConnection.prototype, 'run', (run) => this.#inTurn(run)),
      replaced(DuckDBResult.prototype, 'fetchChunk', (fetchChunk) => this.#inTurn(fetchChunk)),
    ];
    const { setImmediate } = globalThis;
    Object.assign(globalThis, { setImmediate: (work: () => void) => void this.#immediates.push(work) });
    this.#mend = () => {
      for (const each of mend) each();
      Object.assign(globalThis, { setImmediate });
    };
  }

  static take(chance: () => number, slow: number): Turns {
    return new Turns(chance, slow);
  }

  release(): void {
    this.#mend();
  }

  /** Until all is done that does not wait for the clock. */
  async untilQuiet(): Promise<void> {
    for (const call of this.#calls) call.isHeld = false;
    while (await this.#one(this.#slow));
  }

  /** Until `work` has ended, which must not wait for the clock. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    void work.catch(() => undefined).finally(() => (isDone = true));
    while (!isDone) await this.#one(0);
    return work;
  }

  /** Gives one thing its turn; whether there was one. */
  async #one(slow: number): Promise<boolean> {
    await realTurn();
    const immediate = this.#immediates.shift();
    if (immediate !== undefined) {
      immediate();
      return true;
    }
    const call = this.#choose(slow);
    if (call === null) return false;
    this.#calls.splice(this.#calls.indexOf(call), 1);
    await call.work();
    return true;
  }

  #choose(slow: number): Call | null {
    const first = this.#calls.filter(({ of, isHeld }, index) => !isHeld && this.#calls.findIndex((other) => other.of === of) === index);
    if (first.length === 0) return null;
    const call = first[Math.floor(this.#chance() * first.length)];
    if (slow === 0 || this.#chance() >= slow) return call;
    call.isHeld = true;
    this.held++;
    return this.#choose(slow);
  }

  #inTurn<Of, Given extends unknown[], Answer>(own: AsyncCall<Of, Given, Answer>): AsyncCall<Of, Given, Answer> {
    const calls = this.#calls;
    return function (this: Of, ...given: Given) {
      return new Promise<Answer>((resolve, reject) => {
        calls.push({ of: this instanceof Session ? this.api : this, work: () => own.apply(this, given).then(resolve, reject), isHeld: false });
      });
    };
  }
}
