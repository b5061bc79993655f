import type { DecisionCache } from '../policy/decision-cache.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { unionUse } from '../policy/slot-plan-of.ts';
import type { PolicyRunner } from '../policy/window-policies.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import type { Session } from '../store/duckdb.ts';
import { windowRows, type WindowSlot } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';
import type { CertificateDetail } from './certificate.ts';
import { certifyTraces } from './certificate-traces.ts';
import { type Combining, plainUnion } from './combining.ts';
import { fallbackRows } from './fallback-rows.ts';
import { fallbackName, noReason } from './keep-reasons.ts';
import { type KeptOfWindow, keptRows } from './kept-rows.ts';
import type { KeptTraces } from './kept-traces.ts';
import { serviceCounts, windowCounts } from './service-counts.ts';
import { groupTables, groupTraces, type LinkedBy, spreadOverGroups } from './linked-groups.ts';
import type { SlotRing } from './slot-ring.ts';
import { traceCounts } from './trace-counts.ts';
import { decideTraces, verdictTables } from './trace-verdict.ts';
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
  /** Why, a code of KeepReasons; null where nobody asks. */
  readonly reasons: Uint32Array | null;
}

/** Tables of a window that nothing needs once it is decided, by the ends of their names. */
const tables = ['ids', 'traces', ...groupTables, ...verdictTables] as const;

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
  readonly #combining: Combining;
  readonly #certificate: CertificateDetail | null;
  readonly #linked: LinkedBy | null;
  readonly #keptTraces: KeptTraces | null;
  #decided: Decided[] = [];
  #count = 0;

  constructor(
    engine: Session, ring: SlotRing, runner: PolicyRunner, cache: DecisionCache, fallback: Fallback, hash: KeyedHash,
    combining: Combining = plainUnion, keptTraces: KeptTraces | null = null, certificate: CertificateDetail | null = null,
    linked: LinkedBy | null = null,
  ) {
    this.#engine = engine;
    this.#ring = ring;
    this.#runner = runner;
    this.#cache = cache;
    this.#fallback = fallback;
    this.#hash = hash;
    this.#combining = combining;
    this.#certificate = certificate;
    this.#linked = linked;
    this.#keptTraces = keptTraces;
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
    const parts = { engine: this.#engine, runner: this.#runner, fallback: this.#fallback, combining: this.#combining };
    const grouped = this.#linked === null ? null : await groupTraces(this.#engine, name, window, this.#linked);
    const outcomes = await decideTraces(parts, name, grouped ?? window, policies);
    if (grouped !== null) await spreadOverGroups(this.#engine, name, { hasCeilings: policies.some(({ mode }) => mode === 'drop'), hasReasons: this.#combining.reasons !== null });
    await this.#keptTraces?.add(this.#engine, name, number, grouped !== null);
    const decided = await this.#readDecided(name);
    const followers = await this.#followers(number, slots[0]);
    const rows = await this.#keptRows(grouped === null ? `${name}_kept` : `(SELECT * FROM ${name}_decided WHERE n > 0)`, slots, followers);
    const counts = await windowCounts(this.#engine, window, `${name}_traces`);
    const services = await serviceCounts(this.#engine, window, `${name}_kept`);
    const policyCounts = await traceCounts(this.#engine, name, window, outcomes);
    const certified = this.#certificate === null ? { certificate: [] } : await certifyTraces(this.#engine, name, window, outcomes, this.#certificate);
    this.#remember(decided);
    this.#decided.push({ table: `${name}_decided`, slot: number, rowsSeen: this.#withNewSlots(rowsSeen) });
    return {
      slot: number, ...counts, services, outcomes, policies: policyCounts, ...certified,
      kept: keptRows(slots, rows),
      release: () => this.#release(name, number),
    };
  }

  /** Every row of the slot whose trace is not decided yet, at the fallback's probability. */
  fallBack(number: number): WindowDecision | null {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    const seen = Math.max(0, ...this.#decided.map(({ rowsSeen }) => rowsSeen.get(number) ?? 0));
    const reason = this.#combining.reasons?.with(noReason, fallbackName) ?? null;
    const { kept, items } = fallbackRows(slot, seen, this.#fallback.n, reason, this.#cache, this.#hash);
    return { slot: number, items, truth: items, services: [], outcomes: [], policies: [], certificate: [], kept, release: () => this.#releaseSlot(number) };
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
    if (later.length === 0) return { signal: 'traces', number, slots: [{ ...own, filter: ownFilter }] };
    await this.#engine.run(`CREATE TABLE ${name}_ids AS SELECT DISTINCT trace_id FROM ${own.slot.rows.table} b WHERE ${ownFilter}`);
    const inWindow = `b.trace_id IN (SELECT trace_id FROM ${name}_ids)`;
    return { signal: 'traces', number, slots: slots.map((part) => ({ ...part, filter: `${part.filter ?? 'true'} AND ${inWindow}` })) };
  }

  /** Slots that were created while the window was decided: rows came to them before its decisions were known at arrival. */
  #withNewSlots(rowsSeen: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
    const created = this.#ring.numbers.filter((slot) => !rowsSeen.has(slot));
    return new Map([...rowsSeen, ...created.map((slot) => [slot, 0] as const)]);
  }

  async #readDecided(name: string): Promise<DecidedTraces> {
    const hasReasons = this.#combining.reasons !== null;
    const { count, bytes } = (await this.#engine.run(`SELECT trace_id, n${hasReasons ? ', code' : ''} FROM ${name}_decided`)).columns(hasReasons ? [16, 8, 4] : [16, 8]);
    return { count, ids: new Uint32Array(bytes[0].buffer), n: new BigUint64Array(bytes[1].buffer), reasons: hasReasons ? new Uint32Array(bytes[2].buffer) : null };
  }

  /** From here on, late spans of these traces are recognised at arrival. Comes last: a window that failed before is nobody's. */
  #remember({ count, ids, n, reasons }: DecidedTraces): void {
    for (let i = 0; i < count; i++) this.#cache.put(ids, i * 4, n[i], reasons === null ? noReason : reasons[i]);
  }

  /** SELECT of spans that came to this slot after their trace had been decided, but before that was known at arrival. */
  async #followers(number: number, own: WindowSlot): Promise<string | null> {
    const late = this.#decided.filter(({ rowsSeen }) => (rowsSeen.get(number) ?? own.slot.rows.rowCount) < own.slot.rows.rowCount);
    const parts = late.map(({ table, rowsSeen }) => `
      SELECT (b.seq + ${own.offset})::UINTEGER AS wseq, d.n AS n${this.#combining.reasons === null ? '' : ', d.code AS code'} FROM ${own.slot.rows.table} b JOIN ${table} d ON d.trace_id = b.trace_id
      WHERE d.n > 0 AND b.seq >= ${rowsSeen.get(number) ?? 0} AND ${own.filter ?? 'true'}`);
    return parts.length === 0 ? null : parts.join(' UNION ALL ');
  }

  /** Rows of kept traces. Kept traces are the window's own, so its slots need no restriction to them. */
  async #keptRows(kept: string, slots: readonly WindowSlot[], followers: string | null): Promise<KeptOfWindow> {
    const hasReasons = this.#combining.reasons !== null;
    const code = hasReasons ? ', k.code AS code' : '';
    const rows = windowRows(slots, { fields: [], keys: [], inputs: false });
    const own = `SELECT r.wseq AS wseq, k.n AS n${code} FROM (${rows}) r JOIN ${kept} k ON k.trace_id = r.trace_id`;
    const all = followers === null ? own : `${own} UNION ALL ${followers}`;
    const { bytes } = (await this.#engine.run(`SELECT wseq, n${hasReasons ? ', code' : ''} FROM (${all}) ORDER BY wseq`)).columns(hasReasons ? [4, 8, 4] : [4, 8]);
    return {
      wseq: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), nSplit: null, nCeiling: null,
      reasons: hasReasons ? new Uint32Array(bytes[2].buffer) : null,
    };
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
