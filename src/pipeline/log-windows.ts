import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { PolicyOutcome, PolicyRunner } from '../policy/window-policies.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import type { Session } from '../store/duckdb.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import type { CertificateDetail } from './certificate.ts';
import { certifyLogs } from './certificate-logs.ts';
import { type Combining, runByMode } from './combining.ts';
import { fallbackName, noReason, reasonOf } from './keep-reasons.ts';
import { allRows, keptRows } from './kept-rows.ts';
import type { ElsewhereOf } from './kept-elsewhere.ts';
import { type KeptTraces, readsKeptTraces } from './kept-traces.ts';
import { logFacts } from './log-facts.ts';
import { decideLogs } from './log-verdict.ts';
import type { NamedRows } from './named-rows.ts';
import { meanItemBytes } from './policy-counts-of.ts';
import { RowCeilings } from './row-ceilings.ts';
import { windowCounts } from './service-counts.ts';
import { capAtTraces } from './trace-caps.ts';
import type { SlotRing } from './slot-ring.ts';
import type { DeciderParts, Fallback, WindowDecision } from './window-decision.ts';

const noneNamed: NamedRows = { count: 0, keys: new Uint32Array(0), n: new Uint32Array(0), split: null };

/** Decides windows of log records, each by itself: a window is the rows of one slot. */
export class LogWindows {
  readonly #engine: Session;
  readonly #ring: SlotRing;
  readonly #runner: PolicyRunner;
  readonly #fallback: Fallback;
  readonly #hash: KeyedHash;
  readonly #combining: Combining;
  readonly #keptTraces: KeptTraces | null;
  readonly #certificate: CertificateDetail | null;

  constructor({ engine, ring, runner, fallback, hash, combining, keptTraces, certificate }: DeciderParts) {
    this.#engine = engine;
    this.#ring = ring;
    this.#runner = runner;
    this.#fallback = fallback;
    this.#hash = hash;
    this.#combining = combining;
    this.#certificate = certificate;
    this.#keptTraces = keptTraces;
  }

  /** Decides the window of slot `number`; null where nothing arrived in it. */
  async decide(number: number, policies: readonly CompiledPolicy[]): Promise<WindowDecision | null> {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    slot.flush();
    const rowCount = slot.rows.rowCount;
    const goneTable = `${slot.name}_gone`;
    const known = this.#keptTraces?.isRead === true ? this.#keptTraces.forLogs(number) : null;
    const whole: Window = { signal: 'logs', number, slots: [{ slot, offset: 0, filter: `b.rowid < ${rowCount}` }], ...(known === null ? {} : { keptTraces: known.view }) };
    const ceilings = policies.some(({ mode }) => mode === 'drop') ? new RowCeilings(rowCount) : null;
    try {
      const { outcomes, visible } = await runByMode(policies, whole, (policy, window) => this.#runner.run(policy, window, null), async (drops) => {
        for (const { picks } of drops.values()) if (picks !== null) ceilings?.lower(wordsOf(picks));
        return this.#without(whole, goneTable, ceilings?.gone() ?? new Uint32Array(0));
      });
      const named: NamedRows[] = [];
      const elsewhere: ElsewhereOf[] = [];
      for (const [place, outcome] of outcomes.entries()) {
        const { policy, picks } = outcome;
        if (known === null || picks === null || !readsKeptTraces(policy)) named.push(await this.#named(visible, outcome));
        else {
          const capped = await capAtTraces(this.#engine, `${slot.name}_capped`, visible, picks, known.rows, ceilings?.n ?? null);
          named.push(capped.named);
          elsewhere.push({ place, name: reasonOf(outcome), enforces: policy.mode === 'enforce', rows: capped.elsewhere });
        }
      }
      const facts = await logFacts(this.#engine, slot, rowCount, this.#hash, ceilings);
      const { kept, policies: counted, own } = decideLogs({ outcomes, named, ceilings, facts, itemBytes: meanItemBytes(slot.runs), elsewhere }, this.#combining);
      const counts = await windowCounts(this.#engine, whole, null);
      const certificate = this.#certificate === null || elsewhere.length > 0 ? []
        : await certifyLogs({ engine: this.#engine, name: slot.name, window: visible, outcomes, own, facts }, this.#certificate);
      return {
        slot: number, ...counts, services: [], outcomes, policies: counted, certificate,
        kept: keptRows(whole.slots, kept),
        release: () => this.#ring.drop(number),
      };
    } finally {
      if (ceilings !== null) await this.#engine.run(`DROP TABLE IF EXISTS ${goneTable}`);
    }
  }

  /** Every row of the slot, at the fallback's probability. */
  fallBack(number: number): WindowDecision | null {
    const slot = this.#ring.get(number);
    if (slot === null) return null;
    const reason = this.#combining.reasons?.with(noReason, fallbackName) ?? null;
    return {
      slot: number, items: slot.rows.rowCount, truth: slot.rows.rowCount, services: [], outcomes: [], policies: [], certificate: [],
      kept: allRows(slot, this.#fallback.n, reason),
      release: () => this.#ring.drop(number),
    };
  }

  /** The window without rows that may not be kept: they are out of all views before other policies run (sampling.md, rule 8). */
  async #without(window: Window, table: string, gone: Uint32Array): Promise<Window> {
    if (gone.length === 0) return window;
    const writer = await TableWriter.create(this.#engine, table, [{ name: 'seq', type: 'UINTEGER' }]);
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
    const { count, bytes } = (await this.#engine.run(
      `SELECT (r::UHUGEINT << 64) | (pcode::UHUGEINT << 32) | wseq::UHUGEINT, least(${this.#fallback.n}::UBIGINT, ${nOne}::UBIGINT) FROM (${rows})`,
    )).columns([16, 8]);
    return { count, keys: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), split: null };
  }
}

function wordsOf({ count, keyBytes, n, split }: NonNullable<PolicyOutcome['picks']>): NamedRows {
  return { count, keys: new Uint32Array(keyBytes.buffer, keyBytes.byteOffset, count * 4), n: new Uint32Array(n.buffer, n.byteOffset, count * 2), split };
}
