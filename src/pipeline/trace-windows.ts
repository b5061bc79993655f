import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { unionUse } from '../policy/slot-plan-of.ts';
import { causeOfCode, type PartialCause } from '../sampling/partial.ts';
import { TWO_56 } from '../sampling/word56.ts';
import type { Slot } from '../store/slot.ts';
import { windowRows, type WindowSlot } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';
import { certifyTraces } from './certificate-traces.ts';
import { fallbackReason } from './combining.ts';
import { headReads, tellHead } from './head-counts.ts';
import type { EarlyDecisions } from './early-decisions.ts';
import { applyEarly, earlyTable, leftOfEarly, withoutEarly } from './early-window.ts';
import { fallbackRows } from './fallback-rows.ts';
import { noReason } from './keep-reasons.ts';
import { keptRows, markedEarly } from './kept-rows.ts';
import { serviceCounts, windowCounts } from './service-counts.ts';
import { groupTables, groupTraces, type LinkedBy, spreadOverGroups } from './linked-groups.ts';
import { traceCounts } from './trace-counts.ts';
import { evidenceOf, evidenceTables } from './trace-evidence.ts';
import { rootColumn, rootInputs, rootTables } from './root-inputs.ts';
import { settleSlot } from './settle-slot.ts';
import { fallbackNOf, reasonWithStress, rememberShed, shedAtClose, withStress } from './stress-close.ts';
import { byCause, type KeptWithCauses, type PartialIds, type PartialJoin, partialJoin, partialOf, writePartial } from './partial-traces.ts';
import type { TraceMemory } from './trace-memory.ts';
import { decideTraces, verdictTables } from './trace-verdict.ts';
import { logDecision, rememberedOf } from './journal/log-decision.ts';
import type { DeciderParts, WindowDecision } from './window-decision.ts';

export type { Fallback, WindowDecision } from './window-decision.ts';

/** Traces of a window, four words of the id each, with N of their threshold, 0 where dropped. */
interface DecidedTraces {
  readonly count: number;
  readonly ids: Uint32Array;
  readonly n: BigUint64Array;
  /** Why, a code of KeepReasons; null where nobody asks. */
  readonly reasons: Uint32Array | null;
  /** Numbers of why on part of the evidence; null where all was there. */
  readonly causes: Uint8Array | null;
  /** N that their roots say they came with, 0 for none; null where none was heard. */
  readonly rootN: BigUint64Array | null;
}

/** Tables of a window that nothing needs once it is decided, by the ends of their names. */
const tables = ['traces', 'decided', 'partial', ...rootTables, ...evidenceTables, ...groupTables, ...verdictTables] as const;

/**
 * Decides windows of traces. A trace belongs to the window whose slot its first span came in, and all its spans up to the moment of the
 * decision lie in that slot.
 */
export class TraceWindows {
  readonly #parts: DeciderParts;
  readonly #traces: TraceMemory;
  readonly #linked: LinkedBy | null;
  readonly #early: EarlyDecisions | null;
  #count = 0;

  /** `early`: what was decided before its window; null where nothing is. */
  constructor(parts: DeciderParts, traces: TraceMemory, linked: LinkedBy | null = null, early: EarlyDecisions | null = null) {
    this.#parts = parts;
    this.#traces = traces;
    this.#linked = linked;
    this.#early = early;
  }

  /** Decides the window of slot `number`; null where nothing arrived in it. Windows are decided in order, one at a time. */
  async decide(number: number, policies: readonly CompiledPolicy[]): Promise<WindowDecision | null> {
    const own = this.#parts.ring.get(number);
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
    const { engine, ring, combining, keptTraces, certificate, head = null, rootSays = null } = this.#parts;
    slot.flush();
    const arrived: Window = { signal: 'traces', number, slots: [{ slot, offset: 0, filter: null }] };
    const window = rootSays === null ? arrived : await rootInputs(engine, name, arrived, rootSays);
    const use = unionUse(policies, 'traces');
    await engine.run(`CREATE TABLE ${name}_traces AS ${tracesSql(window, head == null ? use : { ...use, columns: [...new Set([...use.columns, ...headReads.columns])] })}`);
    const evidence = await evidenceOf(engine, name, window);
    const grouped = this.#linked === null ? null : await groupTraces(engine, name, evidence.window, this.#linked);
    const outcomes = await decideTraces(this.#parts, name, grouped ?? evidence.window, policies);
    if (grouped !== null) await spreadOverGroups(engine, name, { hasCeilings: policies.some(({ mode }) => mode === 'drop'), hasReasons: combining.reasons !== null });
    const early = this.#early?.of(number) ?? null;
    if (early !== null) await applyEarly(engine, name, early, combining.reasons !== null);
    await keptTraces?.add(engine, name, number, grouped !== null);
    const partial = this.#traces.partial.of(number);
    if (partial.length > 0) await writePartial(engine, `${name}_partial`, partial);
    await rememberShed(engine, name, slot, combining.reasons !== null);
    const without = withoutEarly(early);
    const decided = await this.#readDecided(name, window.slots[0], partial, without.traces);
    const kept = await this.#keptRows(grouped === null ? `${name}_kept` : `(SELECT * FROM ${name}_decided WHERE n > 0)`, window.slots, { ...partialJoin(name, partial, 'r'), where: without.rows });
    const left = early === null ? [] : await leftOfEarly(engine, slot, early, combining.reasons !== null);
    const counts = await windowCounts(engine, window, `${name}_traces`);
    const services = await serviceCounts(engine, window, `${name}_kept`);
    if (head !== null && grouped === null) await tellHead(head, engine, { name, number, window, outcomes }, combining);
    const shedRows = await shedAtClose(engine, slot);
    const policyCounts = await traceCounts(engine, name, window, outcomes);
    const isCertified = certificate !== null && grouped === null && (early === null || slot.nMax === TWO_56);
    const certified = !isCertified ? { certificate: [] } : await certifyTraces(engine, name, window, outcomes, certificate);
    const cause = ring.earlyCause(number);
    this.#remember(decided, cause);
    const followers = this.#settle(number);
    const keptOfAll = markedEarly([...byCause(kept).flatMap((part) => keptRows(window.slots, part)), ...left, ...followers.kept], cause);
    const logged = logDecision(this.#parts, () => ({ signal: 'traces', slot: number, kept: keptOfAll, traces: { ...decided, partial: partialOf(decided.causes), cause } }));
    return {
      ...logged,
      slot: number, items: Math.max(0, counts.items - (early?.items ?? 0)), truth: Math.max(0, counts.truth - (early?.truth ?? 0)), services, outcomes, policies: policyCounts, mixedTraces: evidence.mixedTraces, traces: decided.count, shedRows, ...certified,
      kept: keptOfAll, followers: followers.arrived,
      release: () => {
        followers.release();
        return this.#release(name, slot, number, early !== null);
      },
    };
  }

  /** Every row of the slot, at the fallback's probability. */
  async fallBack(number: number): Promise<WindowDecision | null> {
    const slot = this.#parts.ring.get(number);
    if (slot === null) return null;
    const early = this.#early?.of(number) ?? null;
    const { combining } = this.#parts;
    const fallbackN = fallbackNOf(this.#parts.fallback, slot);
    const { kept: own, items, ids } = await fallbackRows(slot, { n: fallbackN, isLogged: this.#parts.journal != null, reason: reasonWithStress(fallbackReason(combining), slot, combining.reasons) }, this.#traces.decided, this.#parts.hash, early);
    const followers = this.#settle(number);
    const kept = markedEarly([...own, ...followers.kept], this.#parts.ring.earlyCause(number));
    return {
      ...logDecision(this.#parts, () => ({ signal: 'traces', slot: number, kept, traces: rememberedOf(this.#traces, [...ids, ...followers.ids()]) })),
      slot: number, items, truth: items, services: [], outcomes: [], policies: [], certificate: [],
      kept, followers: followers.arrived,
      release: () => {
        followers.release();
        return this.#release(null, slot, number, early !== null);
      },
    };
  }

  /** The slot's traces are decided and remembered: what came of them meanwhile leaves with them. */
  #settle(number: number): ReturnType<TraceMemory['followers']['settle']> {
    this.#early?.close(number);
    const slot = this.#parts.ring.get(number);
    const followers = settleSlot(this.#traces, number, fallbackNOf(this.#parts.fallback, slot), fallbackReason(this.#parts.combining));
    return slot === null || slot.nMax === TWO_56 ? followers : { ...followers, kept: followers.kept.map((part) => ({ ...part, nMax: slot.nMax })) };
  }

  async #readDecided(name: string, { slot, roots }: WindowSlot, partial: readonly PartialIds[], where: string): Promise<DecidedTraces> {
    const hasReasons = this.#parts.combining.reasons !== null;
    const { column, join } = partialJoin(name, partial, 'd');
    const [root, rootJoin] = rootColumn(roots, 'd');
    const sql = `SELECT d.trace_id, d.n${hasReasons ? ', d.code' : ''}${column}${root} FROM ${name}_decided d${join}${rootJoin}${where}`;
    const { count, bytes } = (await this.#parts.engine.run(sql)).columns([16, 8, ...(hasReasons ? [4] : []), ...(partial.length > 0 ? [1] : []), ...(roots === undefined ? [] : [8])]);
    return {
      count, ids: new Uint32Array(bytes[0].buffer), n: new BigUint64Array(bytes[1].buffer), reasons: hasReasons ? withStress(new Uint32Array(bytes[2].buffer), slot, this.#parts.combining.reasons) : null,
      causes: partial.length > 0 ? bytes[hasReasons ? 3 : 2] : null, rootN: roots === undefined ? null : new BigUint64Array(bytes[bytes.length - 1].buffer),
    };
  }

  /** From here on, late spans of these traces are recognised at arrival. Comes last: a window that failed before is nobody's. */
  #remember({ count, ids, n, reasons, causes, rootN }: DecidedTraces, early: PartialCause | null): void {
    this.#traces.decided.startWindow(count);
    for (let i = 0; i < count; i++) {
      const cause = causeOfCode(causes?.[i] ?? 0) ?? early;
      this.#traces.decided.put(ids, i * 4, n[i], reasons === null ? noReason : reasons[i], cause, rootN === null || n[i] === 0n ? 0n : rootN[i]);
    }
  }

  /** Rows of kept traces. */
  async #keptRows(kept: string, slots: readonly WindowSlot[], { column, join, where }: PartialJoin & { readonly where: string }): Promise<KeptWithCauses> {
    const hasReasons = this.#parts.combining.reasons !== null;
    const code = hasReasons ? ', k.code AS code' : '';
    const rows = windowRows(slots, { fields: [], keys: [], inputs: false });
    const { roots } = slots[0];
    const [root, rootJoin] = rootColumn(roots, 'r');
    const sql = `SELECT r.wseq AS wseq, k.n AS n${code}${column}${root} FROM (${rows}) r JOIN ${kept} k ON k.trace_id = r.trace_id${join}${rootJoin}${where} ORDER BY wseq`;
    const { bytes } = (await this.#parts.engine.run(sql)).columns([4, 8, ...(hasReasons ? [4] : []), ...(column === '' ? [] : [1]), ...(roots === undefined ? [] : [8])]);
    return {
      wseq: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), nSplit: null, nCeiling: null,
      reasons: hasReasons ? withStress(new Uint32Array(bytes[2].buffer), slots[0].slot, this.#parts.combining.reasons) : null,
      causes: column === '' ? null : bytes[hasReasons ? 3 : 2],
      rootN: roots === undefined ? null : new Uint32Array(bytes[bytes.length - 1].buffer),
    };
  }

  async #release(name: string | null, slot: Slot, number: number, hasEarly: boolean): Promise<void> {
    await this.#parts.ring.drop(number);
    if (name !== null) await this.#dropTables(name, tables);
    if (hasEarly) await this.#parts.engine.run(`DROP TABLE IF EXISTS ${earlyTable(slot)}`);
  }

  async #dropTables(name: string, suffixes: readonly string[]): Promise<void> {
    for (const suffix of suffixes) await this.#parts.engine.run(`DROP TABLE IF EXISTS ${name}_${suffix}`);
  }
}
