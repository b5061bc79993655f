import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { PolicyOutcome } from '../policy/window-policies.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { certifyLogs } from './certificate-logs.ts';
import { fallbackReason, runByMode } from './combining.ts';
import { logDecision } from './journal/log-decision.ts';
import { reasonOf } from './keep-reasons.ts';
import { allRows, keptRows, markedEarly } from './kept-rows.ts';
import type { ElsewhereOf } from './kept-elsewhere.ts';
import { readsKeptTraces } from './kept-traces.ts';
import { logFacts } from './log-facts.ts';
import { decideLogs } from './log-verdict.ts';
import type { NamedRows } from './named-rows.ts';
import { meanItemBytes } from './policy-counts-of.ts';
import { RowCeilings } from './row-ceilings.ts';
import { windowCounts } from './service-counts.ts';
import { fallbackNOf, reasonWithStress, shedAtClose, withStress } from './stress-close.ts';
import { capAtTraces } from './trace-caps.ts';
import type { DeciderParts, WindowDecision } from './window-decision.ts';

const noneNamed: NamedRows = { count: 0, keys: new Uint32Array(0), n: new Uint32Array(0), split: null };

/** Decides windows of log records, each by itself: a window is the rows of one slot. */
export class LogWindows {
  readonly #parts: DeciderParts;

  constructor(parts: DeciderParts) {
    this.#parts = parts;
  }

  /** Decides the window of slot `number`; null where nothing arrived in it. */
  async decide(number: number, policies: readonly CompiledPolicy[]): Promise<WindowDecision | null> {
    const { engine, ring, runner, hash, combining, keptTraces, certificate: detail } = this.#parts;
    const slot = ring.get(number);
    if (slot === null) return null;
    slot.flush();
    const rowCount = slot.rows.rowCount;
    const goneTable = `${slot.name}_gone`;
    const known = keptTraces?.isRead === true ? keptTraces.forLogs(number) : null;
    const whole: Window = { signal: 'logs', number, slots: [{ slot, offset: 0, filter: `b.rowid < ${rowCount}` }], ...(known === null ? {} : { keptTraces: known.view }) };
    const ceilings = policies.some(({ mode }) => mode === 'drop') ? new RowCeilings(rowCount) : null;
    try {
      const { outcomes, visible } = await runByMode(policies, whole, (policy, window) => runner.run(policy, window, null), async (drops) => {
        for (const { picks } of drops.values()) if (picks !== null) ceilings?.lower(wordsOf(picks));
        return this.#without(whole, goneTable, ceilings?.gone() ?? new Uint32Array(0));
      });
      const named: NamedRows[] = [];
      const elsewhere: ElsewhereOf[] = [];
      for (const [place, outcome] of outcomes.entries()) {
        const { policy, picks } = outcome;
        if (known === null || picks === null || !readsKeptTraces(policy)) named.push(await this.#named(visible, outcome));
        else {
          const capped = await capAtTraces(engine, `${slot.name}_capped`, visible, picks, known.rows, ceilings?.n ?? null);
          named.push(capped.named);
          elsewhere.push({ place, name: reasonOf(outcome), enforces: policy.mode === 'enforce', rows: capped.elsewhere });
        }
      }
      const facts = await logFacts(engine, slot, rowCount, hash, ceilings);
      const { kept, policies: counted, own } = decideLogs({ outcomes, named, ceilings, facts, itemBytes: meanItemBytes(slot.runs), elsewhere }, combining);
      const counts = await windowCounts(engine, whole, null);
      const certificate = detail === null || elsewhere.length > 0 ? []
        : await certifyLogs({ engine: engine, name: slot.name, window: visible, outcomes, own, facts }, detail);
      const reasons = kept.reasons === null ? null : withStress(kept.reasons, slot, combining.reasons);
      const keptOfAll = markedEarly(keptRows(whole.slots, { ...kept, reasons }), ring.earlyCause(number));
      return {
        ...logDecision(this.#parts, () => ({ signal: 'logs', slot: number, kept: keptOfAll, traces: null })),
        slot: number, ...counts, services: [], outcomes, policies: counted, certificate,
        kept: keptOfAll, shedRows: await shedAtClose(engine, slot),
        release: () => ring.drop(number),
      };
    } finally {
      if (ceilings !== null) await engine.run(`DROP TABLE IF EXISTS ${goneTable}`);
    }
  }

  /** Every row of the slot, at the fallback's probability. */
  fallBack(number: number): WindowDecision | null {
    const { ring, combining } = this.#parts;
    const slot = ring.get(number);
    if (slot === null) return null;
    const fallbackN = fallbackNOf(this.#parts.fallback, slot);
    const kept = markedEarly(allRows(slot, fallbackN, reasonWithStress(fallbackReason(combining), slot, combining.reasons)), ring.earlyCause(number));
    return {
      ...logDecision(this.#parts, () => ({ signal: 'logs', slot: number, kept, traces: null })),
      slot: number, items: slot.rows.rowCount, truth: slot.rows.rowCount, services: [], outcomes: [], policies: [], certificate: [],
      kept,
      release: () => ring.drop(number),
    };
  }

  /** The window without rows that may not be kept: they are out of all views before other policies run (sampling.md, rule 8). */
  async #without(window: Window, table: string, gone: Uint32Array): Promise<Window> {
    if (gone.length === 0) return window;
    const writer = await TableWriter.create(this.#parts.engine, table, [{ name: 'seq', type: 'UINTEGER' }]);
    writer.write(gone.length, [{ bytes: new Uint8Array(gone.buffer, gone.byteOffset, gone.byteLength), valid: null }]);
    writer.flush();
    writer.close();
    return { ...window, slots: window.slots.map((part) => ({ ...part, filter: `${part.filter ?? 'true'} AND b.rowid NOT IN (SELECT seq FROM ${table})` })) };
  }

  /** What a policy named; every row at the fallback's probability where it failed and enforces. */
  async #named(window: Window, { policy, picks }: PolicyOutcome): Promise<NamedRows> {
    if (picks !== null) return wordsOf(picks);
    if (policy.mode !== 'enforce') return noneNamed;
    const rows = windowRows(window.slots, { fields: [], keys: [], inputs: true });
    const { count, bytes } = (await this.#parts.engine.run(
      `SELECT (r::UHUGEINT << 64) | (pcode::UHUGEINT << 32) | wseq::UHUGEINT, least(${this.#parts.fallback.n}::UBIGINT, ${nOne}::UBIGINT) FROM (${rows})`,
    )).columns([16, 8]);
    return { count, keys: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), split: null };
  }
}

function wordsOf({ count, keyBytes, n, split }: NonNullable<PolicyOutcome['picks']>): NamedRows {
  return { count, keys: new Uint32Array(keyBytes.buffer, keyBytes.byteOffset, count * 4), n: new Uint32Array(n.buffer, n.byteOffset, count * 2), split };
}
