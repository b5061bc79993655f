import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { unionUse } from '../policy/slot-plan-of.ts';
import { traceIdWords } from '../policy/trace-id-table.ts';
import { causeOfCode } from '../sampling/partial.ts';
import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { Slot } from '../store/slot.ts';
import { windowRows } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';
import type { EarlyDecisions } from './early-decisions.ts';
import type { EarlyAsk } from './early-looks.ts';
import { earlyTable, lookTables, quietCounts, readyCounts, recordEarly, writeCertain, writeReady } from './early-window.ts';
import { noReason } from './keep-reasons.ts';
import { type KeptRows, keptRows } from './kept-rows.ts';
import { logDecision } from './journal/log-decision.ts';
import { byCause, type KeptWithCauses, partialOf } from './partial-traces.ts';
import type { WindowCounts } from './service-counts.ts';
import { withStress } from './stress-close.ts';
import { evidenceOf, evidenceTables } from './trace-evidence.ts';
import type { TraceMemory } from './trace-memory.ts';
import { decideTraces, verdictTables } from './trace-verdict.ts';
import type { DeciderParts } from './window-decision.ts';

/** Traces that were decided early, by why. */
export interface EarlyCounts {
  readonly afterRoot: number;
  readonly traceSize: number;
  readonly atOnce: number;
  /** They had ended. */
  readonly quiet: number;
}

/** Why traces are decided early that are not too large. */
export type EarlyCause = Exclude<keyof EarlyCounts, 'traceSize'>;

/** Traces of an open slot that were decided before its window. */
export interface EarlyDecision {
  readonly slot: number;
  readonly traces: EarlyCounts;
  /** Their items, and what these stand for. */
  readonly items: number;
  readonly truth: number;
  readonly kept: readonly KeptRows[];
  /** When it was decided, where decisions are logged. */
  readonly atUnixNano: bigint;
  /** Resolves when the decision is durable, before which nothing of it is sent; left out where nothing is logged. */
  readonly logged?: Promise<number | null>;
}

/**
 * What a look into an open slot found: traces that are decided now; `whole`: all of the slot's are ready, so its window may close; nothing; or that it is to be done again.
 * `left`: traces that are not decided yet, where the look was for those that have ended.
 */
export type Looked = { readonly kind: 'decided'; readonly decision: EarlyDecision; readonly left: number | null } | { readonly kind: 'nothing'; readonly left: number | null } | { readonly kind: 'whole' } | { readonly kind: 'again' };

/** Decided traces, each with the number of why on part of its evidence. */
interface Verdict {
  readonly ids: Uint32Array;
  readonly n: BigUint64Array;
  readonly reasons: Uint32Array | null;
  readonly causes: Uint8Array;
}

const tables = ['traces', 'decided', ...lookTables, ...evidenceTables, ...verdictTables] as const;

/**
 * Decides some traces of a slot that is still open (docs/adr/0009). The policies see the slot as it is now, all its traces, so that samples and budgets
 * are drawn among them; only those traces take their decision that were asked for. At the slot's window they are candidates again, with all
 * others, and keep the decision that they have (sampling.md, rule 18). Where traces are asked for whose outcome can no longer change, only that is run which says so.
 */
export class EarlyWindows {
  readonly #parts: DeciderParts;
  readonly #traces: TraceMemory;
  readonly #early: EarlyDecisions;
  #count = 0;

  constructor(parts: DeciderParts, traces: TraceMemory, early: EarlyDecisions) {
    this.#parts = parts;
    this.#traces = traces;
    this.#early = early;
  }

  /** Throws what the engine throws, or a policy failed with; then nothing was decided. `mayClose`: whether the slot is the next to be decided anyway. */
  async look(ask: EarlyAsk, policies: readonly CompiledPolicy[], mayClose: boolean): Promise<Looked> {
    const slot = this.#parts.ring.get(ask.slot);
    if (slot === null) return { kind: 'nothing', left: null };
    const name = `y${this.#count++}`;
    try {
      return await this.#lookInto(slot, ask, name, policies, mayClose);
    } finally {
      for (const suffix of tables) await this.#parts.engine.run(`DROP TABLE IF EXISTS ${name}_${suffix}`);
    }
  }

  async #lookInto(slot: Slot, ask: EarlyAsk, name: string, policies: readonly CompiledPolicy[], mayClose: boolean): Promise<Looked> {
    const { engine, runner, combining } = this.#parts;
    slot.flush();
    const bound = slot.rows.rowCount;
    const { nMax } = slot;
    const window: Window = { signal: 'traces', number: ask.slot, slots: [{ slot, offset: 0, filter: `b.rowid < ${bound}` }] };
    const known = [this.#early.of(ask.slot), this.#traces.partial.of(ask.slot)] as const;
    const quiet = ask.quietBefore === null ? null : await quietCounts(engine, window, ask.quietBefore, known[0]);
    const left = quiet === null ? null : quiet.undecided - quiet.ready;
    if (quiet !== null && left === 0 && mayClose && slot.rows.rowCount === bound) return { kind: 'whole' };
    if (quiet?.ready === 0 && ask.oversize.length === 0) return { kind: 'nothing', left };
    await engine.run(`CREATE TABLE ${name}_traces AS ${tracesSql(window, unionUse(policies, 'traces'))}`);
    if (!ask.isAtOnce) {
      const { ready, undecided } = await writeReady(engine, name, window, ask, ...known);
      if (ready === 0) return { kind: 'nothing', left };
      if (mayClose && ask.rootsBefore !== null && ask.oversize.length === 0 && ready === undecided && slot.rows.rowCount === bound) return { kind: 'whole' };
    }
    const evidence = await evidenceOf(engine, name, window);
    const looking = { ...this.#parts, combining: ask.isAtOnce ? { ...combining, combine: 'union' as const } : combining, runner: { run: (policy: CompiledPolicy, sight: Window, traces: string | null) => runner.run(policy, sight, traces, false) } };
    throwFailure(await decideTraces(looking, name, evidence.window, policies));
    if (ask.isAtOnce && await writeCertain(engine, name, window, nMax, ...known) === 0) return { kind: 'nothing', left };
    const hasReasons = combining.reasons !== null;
    const verdict = await this.#verdict(name, slot, hasReasons);
    const rows = await this.#keptRows(name, window, slot, hasReasons);
    const counts = await readyCounts(engine, name, window);
    const table = earlyTable(slot);
    await recordEarly(engine, name, table, bound, hasReasons);
    if (slot.nMax !== nMax) {
      await engine.run(`DELETE FROM ${table} WHERE trace_id IN (SELECT trace_id FROM ${name}_ready)`);
      return { kind: 'again' };
    }
    this.#early.add(ask.slot, table, { ...verdict, bound }, counts);
    const kept = byCause(rows).flatMap((part) => keptRows(window.slots, part, nMax));
    const traces = this.#settle(verdict, ask);
    return { kind: 'decided', left, decision: { slot: ask.slot, ...counts, traces, kept, ...this.#log(slot, ask, verdict, bound, { ...counts, kept }) } };
  }

  async #verdict(name: string, slot: Slot, hasReasons: boolean): Promise<Verdict> {
    const sql = `SELECT d.trace_id, d.n, y.cause${hasReasons ? ', d.code' : ''} FROM ${name}_decided d JOIN ${name}_ready y ON y.trace_id = d.trace_id`;
    const { bytes } = (await this.#parts.engine.run(sql)).columns([16, 8, 1, ...(hasReasons ? [4] : [])]);
    return { ids: new Uint32Array(bytes[0].buffer), n: new BigUint64Array(bytes[1].buffer), causes: bytes[2], reasons: this.#reasons(slot, hasReasons ? bytes[3] : null) };
  }

  async #keptRows(name: string, window: Window, slot: Slot, hasReasons: boolean): Promise<KeptWithCauses> {
    const rows = windowRows(window.slots, { fields: [], keys: [], inputs: false });
    const sql = `SELECT r.wseq AS wseq, k.n AS n, y.cause AS cause${hasReasons ? ', k.code AS code' : ''} FROM (${rows}) r
      JOIN ${name}_kept k ON k.trace_id = r.trace_id JOIN ${name}_ready y ON y.trace_id = r.trace_id ORDER BY wseq`;
    const { bytes } = (await this.#parts.engine.run(sql)).columns([4, 8, 1, ...(hasReasons ? [4] : [])]);
    return {
      wseq: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), nSplit: null, nCeiling: null, causes: bytes[2],
      reasons: this.#reasons(slot, hasReasons ? bytes[3] : null),
    };
  }

  #reasons(slot: Slot, codes: Uint8Array | null): Uint32Array | null {
    return codes === null ? null : withStress(new Uint32Array(codes.buffer), slot, this.#parts.combining.reasons);
  }

  #log({ runs }: Slot, ask: EarlyAsk, { ids, n, reasons, causes }: Verdict, bound: number, { kept, ...counts }: WindowCounts & Pick<EarlyDecision, 'kept'>): Pick<EarlyDecision, 'atUnixNano' | 'logged'> {
    const atUnixNano = this.#parts.nowUnixNano?.() ?? 0n;
    const logged = logDecision({ ...this.#parts, nowUnixNano: () => atUnixNano }, () => ({
      signal: 'traces', slot: ask.slot, kept, traces: { count: n.length, ids, n, reasons, partial: partialOf(causes), cause: null },
      early: { ...counts, cause: causeOfAsk(ask), during: runs.filter(({ seqStart }) => seqStart >= bound).map(({ batch }) => batch.ordinal) },
    }));
    return { atUnixNano, ...logged };
  }

  /** From here on, what comes of these traces follows their decision. */
  #settle({ ids, n, reasons, causes }: Verdict, ask: EarlyAsk): EarlyCounts {
    const { decided, open } = this.#traces;
    decided.startWindow(n.length);
    let traceSize = 0;
    for (let i = 0; i < n.length; i++) {
      const cause = causeOfCode(causes[i]);
      decided.put(ids, i * traceIdWords, n[i], reasons?.[i] ?? noReason, cause);
      open.forget(ids, i * traceIdWords);
      if (cause === 'trace_size') traceSize++;
    }
    return earlyCounts(n.length, traceSize, causeOfAsk(ask));
  }
}

/** Counts of `count` traces that were decided early together, `traceSize` of them for their size. */
export function earlyCounts(count: number, traceSize: number, cause: EarlyCause): EarlyCounts {
  return { afterRoot: 0, atOnce: 0, quiet: 0, [cause]: count - traceSize, traceSize };
}

function causeOfAsk({ isAtOnce, quietBefore }: EarlyAsk): EarlyCause {
  if (isAtOnce) return 'atOnce';
  return quietBefore === null ? 'afterRoot' : 'quiet';
}

/** What fails in a look is left to the window, which may have the fallback decide, and counts it. */
function throwFailure(outcomes: readonly PolicyOutcome[]): void {
  const failed = outcomes.find(({ policy, picks }) => picks === null && policy.mode !== 'shadow');
  if (failed !== undefined) throw failed.error;
}
