import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { SlotRing } from './slot-ring.ts';
import type { WindowDecision } from './trace-windows.ts';
import type { WindowClock } from './window-clock.ts';

/** Decides one window; null where nothing arrived in it. */
export interface WindowDecider {
  decide(slot: number, policies: readonly CompiledPolicy[]): Promise<WindowDecision | null>;
  /** Decides by the fallback alone, without a query. */
  fallBack(slot: number): Promise<WindowDecision | null> | WindowDecision | null;
}

export interface WindowLoopParts {
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly decider: WindowDecider;
  /** The policies that decide the window of a slot; asked once a window, at the moment when its rows are fixed. */
  readonly policies: (slot: number) => readonly CompiledPolicy[];
  /** Takes what was kept to the exporters, then counts. Its data is released when this has resolved. */
  readonly dispatch: (decision: WindowDecision) => Promise<void>;
  /** Told when the rows of a window are fixed. */
  readonly onClosed?: (slot: number) => void;
  /** Told when the engine itself failed on a window, which the fallback then decides. */
  readonly onEngineError: (slot: number, error: unknown) => void;
  /** Decides what may be decided before its window at a time (ns); gives the slot whose window may close now, if one may. Left out where nothing may. */
  readonly early?: (unixNano: bigint) => Promise<number | null>;
}

/** Closes the windows of one signal in order, one at a time. */
export class WindowLoop {
  readonly #parts: WindowLoopParts;
  #running: Promise<void> = Promise.resolve();
  #isBusy = false;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: WindowLoopParts) {
    this.#parts = parts;
  }

  /** Whether a window is being decided now. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** How long (ms) the oldest window that is not decided and handed on has been due at `unixNano`; 0 where none is. */
  lagMs(unixNano: bigint): number {
    const first = this.#first();
    return first === null ? 0 : Number(this.#parts.clock.overdueNano(first, unixNano)) / 1e6;
  }

  /** Decides every window that is due at `unixNano`; resolves when they are decided and handed on. */
  advance(unixNano: bigint): Promise<void> {
    const { clock, early } = this.#parts;
    const done = this.#decideWhile((slot) => clock.isDue(slot, unixNano));
    return early === undefined ? done : Promise.all([done, this.#lookEarly(early, unixNano)]).then(() => undefined);
  }

  /**
   * Decides the earliest window, due or not: `early` where it was not, null where there is none. `nowUnixNano` is asked when its turn has
   * come, and again when it is decided.
   */
  closeEarliest(nowUnixNano: () => bigint): Promise<'due' | 'early' | null> {
    const { ring, clock } = this.#parts;
    return this.inTurn(async () => {
      const slot = this.#first();
      if (slot === null) return null;
      const unixNano = nowUnixNano();
      const isDue = clock.isDue(slot, unixNano);
      if (!isDue) {
        clock.cut(slot, unixNano);
        ring.closesEarly(slot, 'memory');
      }
      await this.#decide(slot);
      clock.resume(ring.firstOpen, nowUnixNano());
      return isDue ? 'due' : 'early';
    });
  }

  /** Decides all windows, due or not. */
  drain(): Promise<void> {
    return this.#decideWhile(() => true);
  }

  /**
   * Where more than one window is due at `unixNano`, waits until the next is decided, at most `waitMs`: whoever takes items in gives way
   * to deciding, which shares its thread, so that windows do not pile up under a sender that never pauses. (Where an exporter
   * holds windows up, the wait ends by itself and the memory limit speaks.)
   */
  async pace(unixNano: bigint, waitMs: number, sleepMs: (ms: number, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { ring, clock } = this.#parts;
    if (ring.numbers.filter((slot) => clock.isDue(slot, unixNano)).length <= 1) return;
    const woken = new AbortController();
    this.#waiting.push(() => woken.abort());
    await sleepMs(waitMs, woken.signal).catch(() => undefined);
  }

  /** Takes on a window that was decided before, after those that are being decided; resolves when it is handed on. */
  handOn(decision: WindowDecision): Promise<void> {
    return this.inTurn(() => this.#handOn(decision));
  }

  #decideWhile(isDue: (slot: number) => boolean): Promise<void> {
    return this.inTurn(async () => {
      for (let slot = this.#first(); slot !== null && isDue(slot); slot = this.#first()) await this.#decide(slot);
    });
  }

  /** After the windows that are due. */
  #lookEarly(early: (unixNano: bigint) => Promise<number | null>, unixNano: bigint): Promise<void> {
    return this.inTurn(async () => {
      for (let whole = await early(unixNano); whole !== null; whole = await early(unixNano)) if (whole === this.#first()) await this.#decide(whole);
    });
  }

  /** Does work on the signal's windows after what they are busy with. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#running.then(work);
    this.#running = done.then(() => undefined, () => undefined);
    return done;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #first(): number | null {
    return this.#parts.ring.numbers[0] ?? null;
  }

  async #decide(slot: number): Promise<void> {
    const { ring } = this.#parts;
    this.#isBusy = true;
    try {
      ring.closeBefore(slot + 1);
      this.#parts.onClosed?.(slot);
      const decision = await this.#decideOrFallBack(slot);
      if (decision !== null) await this.#handOn(decision);
    } finally {
      this.#isBusy = false;
      this.#wake();
    }
  }

  #handOn(decision: WindowDecision): Promise<void> {
    return this.#parts.dispatch(decision).finally(() => decision.release());
  }

  async #decideOrFallBack(slot: number): Promise<WindowDecision | null> {
    const { decider, policies, onEngineError } = this.#parts;
    try {
      return await decider.decide(slot, policies(slot));
    } catch (error) {
      onEngineError(slot, error);
      return await decider.fallBack(slot);
    }
  }
}
