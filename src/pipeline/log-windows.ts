import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { PolicyOutcome, PolicyRunner } from '../policy/window-policies.ts';
import type { Session } from '../store/duckdb.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { allRows, keptRows } from './kept-rows.ts';
import { type NamedRows, keepNamed } from './named-rows.ts';
import { windowCounts } from './service-counts.ts';
import type { SlotRing } from './slot-ring.ts';
import type { Fallback, WindowDecision } from './window-decision.ts';

/** Decides windows of log records, each by itself: a window is the rows of one slot. */
export class LogWindows {
  readonly #engine: Session;
  readonly #ring: SlotRing;
  readonly #runner: PolicyRunner;
  readonly #fallback: Fallback;

  constructor(engine: Session, ring: SlotRing, runner: PolicyRunner, fallback: Fallback) {
    this.#engine = engine;
    this.#ring = ring;
    this.#runner = runner;
    this.#fallback = fallback;
  }

  /** Decides the window of slot `number`; null where nothing arrived in it. */
  async decide(number: number, policies: readonly CompiledPolicy[]): Promise<WindowDecision | null> {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    slot.flush();
    const items = slot.rows.rowCount;
    const window: Window = { signal: 'logs', slots: [{ slot, offset: 0, filter: `b.seq < ${items}` }] };
    const outcomes: PolicyOutcome[] = [];
    for (const policy of policies) outcomes.push(await this.#runner.run(policy, window, null));
    const named: NamedRows[] = [];
    for (const outcome of outcomes) named.push(await this.#named(window, outcome));
    const { wseq, n, nSplit } = keepNamed(named);
    const counts = await windowCounts(this.#engine, window, null);
    return {
      slot: number, ...counts, services: [], outcomes, policies: [],
      kept: keptRows(window.slots, wseq, n, nSplit),
      release: () => this.#ring.drop(number),
    };
  }

  /** Every row of the slot, at the fallback's probability. */
  fallBack(number: number): WindowDecision | null {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    return {
      slot: number, items: slot.rows.rowCount, truth: slot.rows.rowCount, services: [], outcomes: [], policies: [],
      kept: allRows(slot, this.#fallback.n),
      release: () => this.#ring.drop(number),
    };
  }

  async #named(window: Window, { picks }: PolicyOutcome): Promise<NamedRows> {
    if (picks !== null) {
      return {
        count: picks.count,
        keys: new Uint32Array(picks.keyBytes.buffer, picks.keyBytes.byteOffset, picks.count * 4),
        n: new Uint32Array(picks.n.buffer, picks.n.byteOffset, picks.count * 2),
        split: picks.split,
      };
    }
    const rows = windowRows(window.slots, { fields: [], keys: [], inputs: false });
    const { count, bytes } = (await this.#engine.run(
      `SELECT (r::UHUGEINT << 64) | wseq::UHUGEINT, least(${this.#fallback.n}::UBIGINT, ${nOne}::UBIGINT) FROM (${rows})`,
    )).columns([16, 8]);
    return { count, keys: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), split: null };
  }
}
