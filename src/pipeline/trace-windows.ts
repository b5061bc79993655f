import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { unionUse } from '../policy/slot-plan-of.ts';
import type { PolicyRunner } from '../policy/window-policies.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import type { Session } from '../store/duckdb.ts';
import type { Slot } from '../store/slot.ts';
import { windowRows, type WindowSlot } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';
import type { CertificateDetail } from './certificate.ts';
import { certifyTraces } from './certificate-traces.ts';
import type { Combining } from './combining.ts';
import { fallbackRows } from './fallback-rows.ts';
import { fallbackName, noReason } from './keep-reasons.ts';
import { type KeptOfWindow, keptRows } from './kept-rows.ts';
import type { KeptTraces } from './kept-traces.ts';
import { serviceCounts, windowCounts } from './service-counts.ts';
import { groupTables, groupTraces, type LinkedBy, spreadOverGroups } from './linked-groups.ts';
import type { SlotRing } from './slot-ring.ts';
import { traceCounts } from './trace-counts.ts';
import { evidenceOf, evidenceTables } from './trace-evidence.ts';
import type { TraceMemory } from './trace-memory.ts';
import { decideTraces, verdictTables } from './trace-verdict.ts';
import type { DeciderParts, Fallback, WindowDecision } from './window-decision.ts';

export type { Fallback, WindowDecision } from './window-decision.ts';

/** Traces of a window, four words of the id each, with N of their threshold, 0 where dropped. */
interface DecidedTraces {
  readonly count: number;
  readonly ids: Uint32Array;
  readonly n: BigUint64Array;
  /** Why, a code of KeepReasons; null where nobody asks. */
  readonly reasons: Uint32Array | null;
}

/** Tables of a window that nothing needs once it is decided, by the ends of their names. */
const tables = ['traces', 'decided', ...evidenceTables, ...groupTables, ...verdictTables] as const;

/**
 * Decides windows of traces. A trace belongs to the window whose slot its first span came in, and all its spans up to the moment of the
 * decision lie in that slot.
 */
export class TraceWindows {
  readonly #engine: Session;
  readonly #ring: SlotRing;
  readonly #runner: PolicyRunner;
  readonly #traces: TraceMemory;
  readonly #fallback: Fallback;
  readonly #hash: KeyedHash;
  readonly #combining: Combining;
  readonly #certificate: CertificateDetail | null;
  readonly #linked: LinkedBy | null;
  readonly #keptTraces: KeptTraces | null;
  #count = 0;

  constructor(parts: DeciderParts, traces: TraceMemory, linked: LinkedBy | null = null) {
    const { engine, ring, runner, fallback, hash, combining, keptTraces, certificate } = parts;
    this.#engine = engine;
    this.#ring = ring;
    this.#runner = runner;
    this.#traces = traces;
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
      return await this.#decideSlot(own, number, name, policies);
    } catch (error) {
      await this.#dropTables(name, tables);
      throw error;
    }
  }

  async #decideSlot(slot: Slot, number: number, name: string, policies: readonly CompiledPolicy[]): Promise<WindowDecision> {
    slot.flush();
    const window: Window = { signal: 'traces', number, slots: [{ slot, offset: 0, filter: null }] };
    await this.#engine.run(`CREATE TABLE ${name}_traces AS ${tracesSql(window, unionUse(policies, 'traces'))}`);
    const parts = { engine: this.#engine, runner: this.#runner, fallback: this.#fallback, combining: this.#combining };
    const evidence = await evidenceOf(this.#engine, name, window);
    const grouped = this.#linked === null ? null : await groupTraces(this.#engine, name, evidence.window, this.#linked);
    const outcomes = await decideTraces(parts, name, grouped ?? evidence.window, policies);
    if (grouped !== null) await spreadOverGroups(this.#engine, name, { hasCeilings: policies.some(({ mode }) => mode === 'drop'), hasReasons: this.#combining.reasons !== null });
    await this.#keptTraces?.add(this.#engine, name, number, grouped !== null);
    const decided = await this.#readDecided(name);
    const rows = await this.#keptRows(grouped === null ? `${name}_kept` : `(SELECT * FROM ${name}_decided WHERE n > 0)`, window.slots);
    const counts = await windowCounts(this.#engine, window, `${name}_traces`);
    const services = await serviceCounts(this.#engine, window, `${name}_kept`);
    const policyCounts = await traceCounts(this.#engine, name, window, outcomes);
    const certified = this.#certificate === null || grouped !== null ? { certificate: [] } : await certifyTraces(this.#engine, name, window, outcomes, this.#certificate);
    this.#remember(decided);
    const followers = this.#settle(number);
    return {
      slot: number, ...counts, services, outcomes, policies: policyCounts, mixedTraces: evidence.mixedTraces, ...certified,
      kept: [...keptRows(window.slots, rows), ...followers.kept],
      release: () => {
        followers.release();
        return this.#release(name, number);
      },
    };
  }

  /** Every row of the slot, at the fallback's probability. */
  fallBack(number: number): WindowDecision | null {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    const { kept, items } = fallbackRows(slot, this.#fallback.n, this.#fallbackReason, this.#traces.decided, this.#hash);
    const followers = this.#settle(number);
    return {
      slot: number, items, truth: items, services: [], outcomes: [], policies: [], certificate: [],
      kept: [...kept, ...followers.kept],
      release: () => {
        followers.release();
        return this.#ring.drop(number);
      },
    };
  }

  get #fallbackReason(): number | null {
    return this.#combining.reasons?.with(noReason, fallbackName) ?? null;
  }

  /** The slot's traces are decided and remembered: what came of them meanwhile leaves with them. */
  #settle(number: number): ReturnType<TraceMemory['followers']['settle']> {
    this.#traces.open.close(number);
    return this.#traces.followers.settle(number, this.#traces.decided, this.#fallback.n, this.#fallbackReason);
  }

  async #readDecided(name: string): Promise<DecidedTraces> {
    const hasReasons = this.#combining.reasons !== null;
    const { count, bytes } = (await this.#engine.run(`SELECT trace_id, n${hasReasons ? ', code' : ''} FROM ${name}_decided`)).columns(hasReasons ? [16, 8, 4] : [16, 8]);
    return { count, ids: new Uint32Array(bytes[0].buffer), n: new BigUint64Array(bytes[1].buffer), reasons: hasReasons ? new Uint32Array(bytes[2].buffer) : null };
  }

  /** From here on, late spans of these traces are recognised at arrival. Comes last: a window that failed before is nobody's. */
  #remember({ count, ids, n, reasons }: DecidedTraces): void {
    this.#traces.decided.startWindow(count);
    for (let i = 0; i < count; i++) this.#traces.decided.put(ids, i * 4, n[i], reasons === null ? noReason : reasons[i]);
  }

  /** Rows of kept traces. */
  async #keptRows(kept: string, slots: readonly WindowSlot[]): Promise<KeptOfWindow> {
    const hasReasons = this.#combining.reasons !== null;
    const code = hasReasons ? ', k.code AS code' : '';
    const rows = windowRows(slots, { fields: [], keys: [], inputs: false });
    const sql = `SELECT r.wseq AS wseq, k.n AS n${code} FROM (${rows}) r JOIN ${kept} k ON k.trace_id = r.trace_id ORDER BY wseq`;
    const { bytes } = (await this.#engine.run(sql)).columns(hasReasons ? [4, 8, 4] : [4, 8]);
    return {
      wseq: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), nSplit: null, nCeiling: null,
      reasons: hasReasons ? new Uint32Array(bytes[2].buffer) : null,
    };
  }

  async #release(name: string, number: number): Promise<void> {
    await this.#ring.drop(number);
    await this.#dropTables(name, tables);
  }

  async #dropTables(name: string, suffixes: readonly string[]): Promise<void> {
    for (const suffix of suffixes) await this.#engine.run(`DROP TABLE IF EXISTS ${name}_${suffix}`);
  }
}
