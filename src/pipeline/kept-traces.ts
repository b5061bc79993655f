import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { SideFiles } from '../storage/side-files.ts';
import type { Session } from '../store/duckdb.ts';
import { nOne } from '../store/window-rows.ts';
import { decodeKept, encodeKept, keptFileOf, keptPrefix, readKept, writeKept } from './kept-traces-files.ts';
import type { BesideSlots } from './lane-policies.ts';
import type { WindowClock } from './window-clock.ts';

/** Whether a policy's rows are capped at the p of their traces. */
export function readsKeptTraces({ sides }: CompiledPolicy): boolean {
  return sides.some(({ side }) => side === 'kept_traces');
}

/** What policies of one window of logs may know of traces, as SELECTs. */
export interface KeptTracesSql {
  /** The view: trace_id, probability, adjusted_count. */
  readonly view: string;
  /** trace_id, n (N of the trace's threshold), r (the randomness that it was decided on). */
  readonly rows: string;
}

/** Kept traces of one decided window, in a table of its own that is dropped whole. */
interface KeptWindow {
  readonly slot: number;
  readonly table: string;
  /** From when to when windows of logs overlap it, ns since the epoch. */
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly count: number;
}

/**
 * Traces that were kept, for policies of logs that read `kept_traces` (sampling.md, rule 9). A window of traces counts for the windows of
 * logs that it overlaps, from its slot's start until it is decided. Bounded in traces: beyond, the oldest windows are forgotten.
 */
export class KeptTraces implements BesideSlots {
  readonly #traces: WindowClock;
  readonly #logs: WindowClock;
  readonly #tracesMax: number;
  readonly #files: SideFiles | null;
  #windows: KeptWindow[] = [];
  #count = 0;
  #isRead = false;
  #lastSlot = -1;
  /** The first slot from which on all windows are remembered. */
  #firstSlot = 0;

  /** `files`: where windows are saved for the next start; null where they are not. */
  constructor(traces: WindowClock, logs: WindowClock, tracesMax: number, files: SideFiles | null = null) {
    this.#files = files;
    this.#traces = traces;
    this.#logs = logs;
    this.#tracesMax = tracesMax;
  }

  /** Whether any policy asks; where none does, nothing is remembered and no window waits. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Told of all policies of logs that may still decide a window. */
  use(policies: readonly CompiledPolicy[]): void {
    const isRead = policies.some(readsKeptTraces);
    if (isRead && !this.#isRead) this.#firstSlot = this.#lastSlot + 1;
    this.#isRead = isRead;
  }

  /** Whether all windows of traces that the window of logs of a slot overlaps are remembered, where these policies ask. */
  serves(policies: readonly CompiledPolicy[], slot: number): boolean {
    const earliest = this.#traces.slotOf(this.#logs.startOf(slot) - this.#traces.waitNano);
    return earliest >= this.#firstSlot || this.#firstSlot === 0 || !policies.some(readsKeptTraces);
  }

  /**
   * Remembers what a window of traces kept: `NAME_kept` (trace_id, n) and `NAME_traces` (trace_id, r) are there, and `NAME_groups` where traces
   * were decided in groups.
   */
  async add(engine: Session, name: string, slot: number, hasGroups: boolean): Promise<void> {
    this.#lastSlot = Math.max(this.#lastSlot, slot);
    if (!this.isRead) return;
    const table = `kept_traces_${this.#count++}`;
    await engine.run(`CREATE TABLE ${table} AS ${hasGroups ? groupedSql(name) : `SELECT k.trace_id AS trace_id, k.n AS n, t.r AS r FROM ${name}_kept k JOIN ${name}_traces t ON t.trace_id = k.trace_id`}`);
    const count = (await engine.run(`SELECT count(*) FROM ${table}`)).integer();
    const { startNano, endNano } = this.#traces.boundsOf(slot);
    await this.#drop(engine, (window) => window.slot === slot);
    const window = { slot, table, startNano, endNano: endNano + this.#traces.waitNano, count };
    this.#windows.push(window);
    await this.#files?.save(keptFileOf(slot), encodeKept({ ...window, ...await readKept(engine, table) }));
    const isBeyond = (from: number): boolean => this.#windows.slice(from).reduce((sum, window) => sum + window.count, 0) > this.#tracesMax;
    let from = 0;
    while (isBeyond(from)) from++;
    await this.#drop(engine, (_window, index) => index < from);
  }

  /** Windows are as they were saved, where any policy asks; before any is added. */
  async restore(engine: Session): Promise<void> {
    for (const { name, body } of await this.#files?.load(keptPrefix) ?? []) {
      const saved = decodeKept(body);
      if (saved === null || !this.isRead) {
        await this.#files?.remove(name);
        continue;
      }
      const table = `kept_traces_${this.#count++}`;
      await writeKept(engine, table, saved);
      this.#windows.push({ ...saved, table });
      this.#lastSlot = Math.max(this.#lastSlot, saved.slot);
    }
    this.#windows.sort((a, b) => a.slot - b.slot);
  }

  /** What the window of logs of a slot may know. */
  forLogs(slot: number): KeptTracesSql {
    const [start, end] = [this.#logs.startOf(slot), this.#logs.startOf(slot + 1)];
    const overlapping = this.#windows.filter((window) => window.startNano < end && window.endNano > start);
    const all = overlapping.map(({ table }) => `SELECT trace_id, n, r FROM ${table}`).join(' UNION ALL ');
    const rows = overlapping.length === 0 ? 'SELECT NULL::UUID AS trace_id, NULL::UBIGINT AS n, NULL::UBIGINT AS r WHERE false'
      : overlapping.length === 1 ? all : `SELECT trace_id, max(n) AS n, arg_max(r, n) AS r FROM (${all}) GROUP BY trace_id`;
    return { rows, view: `SELECT trace_id, n / ${nOne}.0::DOUBLE AS probability, ${nOne}.0::DOUBLE / n AS adjusted_count FROM (${rows})` };
  }

  /** Up to when windows of logs may be decided where time has come to `unixNano`: the windows of traces that they overlap are decided by then. */
  logsDecidableUpTo(unixNano: bigint): bigint {
    const { waitNano } = this.#traces;
    return unixNano < waitNano ? 0n : this.#traces.startOf(this.#traces.slotOf(unixNano - waitNano));
  }

  /** Forgets what no window of logs from slot `firstLogs` on overlaps. */
  async expire(engine: Session, firstLogs: number): Promise<void> {
    const from = this.#logs.startOf(firstLogs);
    await this.#drop(engine, (window) => window.endNano <= from || !this.isRead);
  }

  async #drop(engine: Session, isGone: (window: KeptWindow, index: number) => boolean): Promise<void> {
    const gone = this.#windows.filter(isGone);
    this.#windows = this.#windows.filter((window) => !gone.includes(window));
    for (const { table, slot } of gone) {
      await engine.run(`DROP TABLE ${table}`);
      await this.#files?.remove(keptFileOf(slot));
    }
  }
}

/**
 * The same of traces that were decided in groups: the leader's R on the member's scale, so that N of the member's own p is reached exactly where the
 * group was kept.
 */
function groupedSql(name: string): string {
  const scaled = `(((${nOne}::UBIGINT - t.r)::UHUGEINT * g.own_n_in::UHUGEINT + t.n_in::UHUGEINT - 1) // t.n_in::UHUGEINT)::UBIGINT`;
  return `SELECT k.trace_id AS trace_id, k.n AS n, CASE WHEN g.own_r IS NULL OR g.own_r = t.r THEN t.r ELSE ${nOne}::UBIGINT - ${scaled} END AS r
    FROM ${name}_kept k JOIN ${name}_traces t ON t.trace_id = k.trace_id LEFT JOIN ${name}_groups g ON g.trace_id = k.trace_id`;
}
