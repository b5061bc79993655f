import type { DecisionCache } from '../policy/decision-cache.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { unionUse } from '../policy/slot-plan-of.ts';
import type { PolicyOutcome, PolicyRunner } from '../policy/window-policies.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import type { Session } from '../store/duckdb.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, windowRows, type WindowSlot } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';
import { fallbackRows } from './fallback-rows.ts';
import { keptRows } from './kept-rows.ts';
import { serviceCounts, windowCounts } from './service-counts.ts';
import type { SlotRing } from './slot-ring.ts';
import type { Fallback, WindowDecision } from './window-decision.ts';

export type { Fallback, WindowDecision } from './window-decision.ts';

/** Decided traces of a window, remembered in SQL until no open slot can hold spans of them. */
interface Decided {
  readonly table: string;
  readonly slot: number;
  /** Rows of each later slot that were there when the window was decided. */
  readonly rowsSeen: ReadonlyMap<number, number>;
}

/** Traces of a window, four words of the id each, with N of their threshold, 0 where dropped. */
interface DecidedTraces {
  readonly count: number;
  readonly ids: Uint32Array;
  readonly n: BigUint64Array;
}

/** Tables of a window that nothing needs once it is decided, by the ends of their names. */
const tables = ['ids', 'traces', 'picks', 'kept'] as const;

/**
 * Decides windows of traces. A trace belongs to the window whose slot its first span came in; its spans of later
 * slots, up to the moment of the decision, are decided with it.
 */
export class TraceWindows {
  readonly #engine: Session;
  readonly #ring: SlotRing;
  readonly #runner: PolicyRunner;
  readonly #cache: DecisionCache;
  readonly #fallback: Fallback;
  readonly #hash: KeyedHash;
  #decided: Decided[] = [];
  #count = 0;

  constructor(
    engine: Session, ring: SlotRing, runner: PolicyRunner, cache: DecisionCache, fallback: Fallback, hash: KeyedHash,
  ) {
    this.#engine = engine;
    this.#ring = ring;
    this.#runner = runner;
    this.#cache = cache;
    this.#fallback = fallback;
    this.#hash = hash;
  }

  /** Decides the window of slot `number`; null where nothing arrived in it. Windows are decided in order, one at a time. */
  async decide(number: number, policies: readonly CompiledPolicy[]): Promise<WindowDecision | null> {
    const own = this.#ring.get(number);
    if (own === null) return null;
    const name = `w${this.#count++}`;
    try {
      return await this.#decideSlot(number, name, policies);
    } catch (error) {
      await this.#dropTables(name, [...tables, 'decided']);
      throw error;
    }
  }

  async #decideSlot(number: number, name: string, policies: readonly CompiledPolicy[]): Promise<WindowDecision> {
    const { slots, rowsSeen } = this.#freeze(number);
    const window = await this.#undecided(name, number, slots);
    await this.#engine.run(`CREATE TABLE ${name}_traces AS ${tracesSql(window, unionUse(policies, 'traces'))}`);
    const outcomes: PolicyOutcome[] = [];
    for (const policy of policies) outcomes.push(await this.#runner.run(policy, window, `${name}_traces`));
    const decided = await this.#decideTraces(name, window, outcomes);
    const followers = await this.#followers(number, slots[0]);
    const rows = await this.#keptRows(name, slots, followers);
    const counts = await windowCounts(this.#engine, window, `${name}_traces`);
    const services = await serviceCounts(this.#engine, window, `${name}_kept`);
    this.#remember(decided);
    this.#decided.push({ table: `${name}_decided`, slot: number, rowsSeen: this.#withNewSlots(rowsSeen) });
    return {
      slot: number, ...counts, services, outcomes, policies: [],
      kept: keptRows(slots, rows.wseq, rows.n, null),
      release: () => this.#release(name, number),
    };
  }

  /** Every row of the slot whose trace is not decided yet, at the fallback's probability. */
  fallBack(number: number): WindowDecision | null {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    const seen = Math.max(0, ...this.#decided.map(({ rowsSeen }) => rowsSeen.get(number) ?? 0));
    const { kept, items } = fallbackRows(slot, seen, this.#fallback.n, this.#cache, this.#hash);
    return { slot: number, items, truth: items, services: [], outcomes: [], policies: [], kept, release: () => this.#releaseSlot(number) };
  }

  /** Slots of the window as they are now, with what has arrived so far made visible. */
  #freeze(number: number): { readonly slots: readonly WindowSlot[]; readonly rowsSeen: ReadonlyMap<number, number> } {
    let offset = 0;
    const rowsSeen = new Map<number, number>();
    const slots = this.#ring.numbers.filter((later) => later >= number).flatMap((later) => {
      const slot = this.#ring.get(later);
      if (slot === null) return [];
      slot.flush();
      const count = slot.rows.rowCount;
      rowsSeen.set(later, count);
      const part: WindowSlot = { slot, offset, filter: `b.seq < ${count}` };
      offset += count;
      return [part];
    });
    return { slots, rowsSeen };
  }

  /** The window's slots restricted to traces that no earlier window has decided. */
  async #undecided(name: string, number: number, slots: readonly WindowSlot[]): Promise<Window> {
    const [own, ...later] = slots;
    const decided = this.#decided.filter((window) => window.rowsSeen.has(number));
    const fresh = decided.map(({ table }) => `b.trace_id NOT IN (SELECT trace_id FROM ${table})`);
    const ownFilter = [own.filter ?? 'true', ...fresh].join(' AND ');
    if (later.length === 0) return { signal: 'traces', slots: [{ ...own, filter: ownFilter }] };
    await this.#engine.run(`CREATE TABLE ${name}_ids AS SELECT DISTINCT trace_id FROM ${own.slot.rows.table} b WHERE ${ownFilter}`);
    const inWindow = `b.trace_id IN (SELECT trace_id FROM ${name}_ids)`;
    return { signal: 'traces', slots: slots.map((part) => ({ ...part, filter: `${part.filter ?? 'true'} AND ${inWindow}` })) };
  }

  /** Slots that were created while the window was decided: rows came to them before its decisions were known at arrival. */
  #withNewSlots(rowsSeen: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
    const created = this.#ring.numbers.filter((slot) => !rowsSeen.has(slot));
    return new Map([...rowsSeen, ...created.map((slot) => [slot, 0] as const)]);
  }

  /** Writes who is kept (`_kept`) and what became of everyone (`_decided`), and reads the latter. */
  async #decideTraces(name: string, window: Window, outcomes: readonly PolicyOutcome[]): Promise<DecidedTraces> {
    const picks = await TableWriter.create(this.#engine, `${name}_picks`, [{ name: 'k', type: 'UUID' }, { name: 'n', type: 'UBIGINT' }]);
    for (const [index, outcome] of outcomes.entries()) await this.#writePicks(`${name}_spans${index}`, name, window, outcome, picks);
    picks.flush();
    picks.close();
    await this.#engine.run(`
      CREATE TABLE ${name}_kept AS
      SELECT t.trace_id AS trace_id, least(p.n, t.n_in) AS n
      FROM (SELECT k, max(n) AS n FROM ${name}_picks GROUP BY k) p JOIN ${name}_traces t ON t.trace_id = p.k
      WHERE ${nOne}::UBIGINT - t.r <= least(p.n, t.n_in)`);
    await this.#engine.run(`
      CREATE TABLE ${name}_decided AS
      SELECT t.trace_id AS trace_id, coalesce(k.n, 0::UBIGINT) AS n
      FROM ${name}_traces t LEFT JOIN ${name}_kept k ON k.trace_id = t.trace_id`);
    const { count, bytes } = (await this.#engine.run(`SELECT trace_id, n FROM ${name}_decided`)).columns([16, 8]);
    return { count, ids: new Uint32Array(bytes[0].buffer), n: new BigUint64Array(bytes[1].buffer) };
  }

  async #writePicks(spansTable: string, name: string, window: Window, outcome: PolicyOutcome, picks: TableWriter): Promise<void> {
    if (outcome.picks === null) {
      picks.flush();
      await this.#engine.run(`INSERT INTO ${picks.table} SELECT trace_id, ${this.#fallback.n}::UBIGINT FROM ${name}_traces`);
      return;
    }
    const { keyBytes, n, count } = outcome.picks;
    if (outcome.policy.keyKind === 'trace_id') {
      picks.write(count, [{ bytes: keyBytes, valid: null }, { bytes: new Uint8Array(n.buffer, n.byteOffset, n.byteLength), valid: null }]);
      return;
    }
    const spans = await TableWriter.create(this.#engine, spansTable, [{ name: 'id', type: 'UHUGEINT' }, { name: 'n', type: 'UBIGINT' }]);
    spans.write(count, [{ bytes: keyBytes, valid: null }, { bytes: new Uint8Array(n.buffer, n.byteOffset, n.byteLength), valid: null }]);
    spans.flush();
    spans.close();
    picks.flush();
    const rows = windowRows(window.slots, { fields: [], keys: [], inputs: false });
    await this.#engine.run(`
      INSERT INTO ${picks.table}
      SELECT r.trace_id, s.n FROM ${spansTable} s JOIN (${rows}) r ON r.wseq = (s.id & 4294967295::UHUGEINT)::UINTEGER`);
    await this.#engine.run(`DROP TABLE ${spansTable}`);
  }

  /** From here on, late spans of these traces are recognised at arrival. Comes last: a window that failed before is nobody's. */
  #remember({ count, ids, n }: DecidedTraces): void {
    for (let i = 0; i < count; i++) this.#cache.put(ids, i * 4, n[i]);
  }

  /** SELECT of spans that came to this slot after their trace had been decided, but before that was known at arrival. */
  async #followers(number: number, own: WindowSlot): Promise<string | null> {
    const late = this.#decided.filter(({ rowsSeen }) => (rowsSeen.get(number) ?? own.slot.rows.rowCount) < own.slot.rows.rowCount);
    const parts = late.map(({ table, rowsSeen }) => `
      SELECT (b.seq + ${own.offset})::UINTEGER AS wseq, d.n AS n FROM ${own.slot.rows.table} b JOIN ${table} d ON d.trace_id = b.trace_id
      WHERE d.n > 0 AND b.seq >= ${rowsSeen.get(number) ?? 0} AND ${own.filter ?? 'true'}`);
    return parts.length === 0 ? null : parts.join(' UNION ALL ');
  }

  /** Rows of kept traces. Kept traces are the window's own, so its slots need no restriction to them. */
  async #keptRows(name: string, slots: readonly WindowSlot[], followers: string | null): Promise<{ wseq: Uint32Array; n: Uint32Array }> {
    const rows = windowRows(slots, { fields: [], keys: [], inputs: false });
    const own = `SELECT r.wseq AS wseq, k.n AS n FROM (${rows}) r JOIN ${name}_kept k ON k.trace_id = r.trace_id`;
    const all = followers === null ? own : `${own} UNION ALL ${followers}`;
    const { bytes } = (await this.#engine.run(`SELECT wseq, n FROM (${all}) ORDER BY wseq`)).columns([4, 8]);
    return { wseq: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer) };
  }

  async #release(name: string, number: number): Promise<void> {
    await this.#releaseSlot(number);
    await this.#dropTables(name, tables);
  }

  /** Drops the slot, and decided traces that no slot needs any more. */
  async #releaseSlot(number: number): Promise<void> {
    await this.#ring.drop(number);
    const isNeeded = ({ slot, rowsSeen }: Decided): boolean => [...rowsSeen.keys()].some((later) => later > slot && this.#ring.get(later) !== null);
    const expired = this.#decided.filter((decided) => !isNeeded(decided));
    this.#decided = this.#decided.filter(isNeeded);
    for (const { table } of expired) await this.#engine.run(`DROP TABLE ${table}`);
  }

  async #dropTables(name: string, suffixes: readonly string[]): Promise<void> {
    for (const suffix of suffixes) await this.#engine.run(`DROP TABLE IF EXISTS ${name}_${suffix}`);
  }
}
