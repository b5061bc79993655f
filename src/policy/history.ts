import type { Seam } from '../base/seam.ts';
import type { SideFiles } from '../storage/side-files.ts';
import type { Session } from '../store/duckdb.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { TableWriter } from '../store/table-writer.ts';
import { windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import type { CompiledPolicy, HistoryPlan } from './compile/compiled.ts';
import { isConnectionLost, PolicyError } from './compile/policy-error.ts';
import { withinDeadline } from './deadline.ts';
import type { PolicyPicks } from './evaluate.ts';
import { createFrom, decodeSaved, encodeSaved, fileOf, prefixOf, rowsOf, type SavedWindow } from './history-files.ts';
import { historyRowsSql, historyViewSql } from './history-sql.ts';

/** What was remembered of one window. */
export interface HistoryOutcome {
  /** Keys that are remembered, and those of fewer arrivals that there was no room for. */
  readonly keys: number;
  readonly forgottenKeys: number;
  /** Why nothing was remembered, else null. What the policy named holds all the same. */
  readonly error: unknown;
}

/** One window of one policy, in a table of its own that is dropped whole. */
interface Remembered {
  readonly table: string;
  readonly number: number;
  /** Where it is saved; null where it is not. */
  readonly file: string | null;
}

/** Histories at once at most; those of policies that were not run for longest go first. */
const historiesMax = 256;

/**
 * What earlier windows of one signal came to, policy by policy: the view `history`. It is read while a policy runs and written once the
 * policy has named its items, so that a window never sees itself. Bounded by each policy's keys and windows.
 */
export class PolicyHistories {
  readonly #seam: Seam;
  readonly #deadlineMs: number;
  readonly #byPolicy = new Map<string, Remembered[]>();
  readonly #files: SideFiles | null;
  #tables = 0;

  /** `files`: where windows are saved for the next start; null where they are not. */
  constructor(deadlineMs: number, seam: Seam, files: SideFiles | null = null) {
    this.#deadlineMs = deadlineMs;
    this.#seam = seam;
    this.#files = files;
  }

  /** Remembers what was saved of a signal's windows, once, before any is recorded. */
  async restore(session: Session, signal: SampledSignal): Promise<void> {
    for (const file of await this.#files?.load(prefixOf(signal)) ?? []) {
      const saved = decodeSaved(file);
      const table = `h_${signal}_${this.#tables++}`;
      const isThere = saved !== null && await createFrom(session, table, saved.rows).then(() => true, () => false);
      if (saved === null || !isThere) await this.#files?.remove(file.name);
      else this.#keep(saved.policy, { table, number: saved.number, file: file.name });
    }
    for (const [policy, windows] of this.#byPolicy) this.#byPolicy.set(policy, windows.sort((a, b) => a.number - b.number));
  }

  /** SELECT of the view for the window of slot `number`. */
  viewSql(policy: CompiledPolicy, number: number): string {
    const { history } = policy;
    const remembered = history === null ? [] : this.#byPolicy.get(nameOf(policy, history)) ?? [];
    const windowsMax = history?.windowsMax ?? 0;
    return historyViewSql(remembered.map((window) => ({ table: window.table, age: number - window.number })).filter(({ age }) => age >= 1 && age <= windowsMax));
  }

  /** Remembers the window, on the session where the plan's views of it exist. Throws only where the session is lost. */
  async record(session: Session, policy: CompiledPolicy, plan: HistoryPlan, window: Window, picks: PolicyPicks): Promise<HistoryOutcome> {
    const number = window.number ?? 0;
    const table = `h_${window.signal}_${this.#tables++}`;
    let isLost = false;
    try {
      await writePicks(session, `${table}_picks`, policy, window, picks);
      await this.#select(session, policy, historyRowsSql(plan, policy, `${table}_picks`));
      await session.run(`CREATE TABLE ${table} AS SELECT * FROM temp.history_rows`);
      const [keys, there] = (await session.api.runAndReadAll(`SELECT count(*)::INTEGER, coalesce(max(keys_there), 0)::INTEGER FROM ${table}`)).getRows()[0].map(Number);
      await this.#replace(session, { policy: nameOf(policy, plan), signal: window.signal, number }, table);
      return { keys, forgottenKeys: there - keys, error: null };
    } catch (error) {
      isLost = isConnectionLost(error);
      if (isLost) throw error;
      return { keys: 0, forgottenKeys: 0, error };
    } finally {
      if (!isLost) await this.#tidy(session, plan, number, nameOf(policy, plan), `${table}_picks`);
    }
  }

  /** The author's expressions run as the policy does: read-only (a temporary table aside), with a deadline. */
  async #select(session: Session, { name }: CompiledPolicy, sql: string): Promise<void> {
    await session.run('BEGIN TRANSACTION READ ONLY');
    const timed = await withinDeadline(session.run(`CREATE OR REPLACE TEMP TABLE history_rows AS ${sql}`), () => session.api.interrupt(), this.#deadlineMs, this.#seam)
      .catch(async (error: unknown) => {
        await session.run('ROLLBACK');
        throw error;
      });
    if (timed.kind === 'done') {
      await session.run('COMMIT');
      return;
    }
    const connectionLost = timed.kind === 'running';
    if (!connectionLost) await session.run('ROLLBACK');
    throw new PolicyError(name, 'deadline', `what its history remembers took longer than ${this.#deadlineMs} ms`, { connectionLost });
  }

  /** A window that was decided, and not logged as such before a crash, is decided again. */
  async #replace(session: Session, window: Omit<SavedWindow, 'rows'>, table: string): Promise<void> {
    const { policy, number } = window;
    const before = (this.#byPolicy.get(policy) ?? []).filter((other) => other.number === number);
    this.#byPolicy.set(policy, (this.#byPolicy.get(policy) ?? []).filter((other) => other.number !== number));
    for (const other of before) await session.run(`DROP TABLE IF EXISTS ${other.table}`);
    const file = this.#files === null ? null : fileOf(window);
    this.#keep(policy, { table, number, file });
    if (file !== null) await this.#files?.save(file, [encodeSaved({ ...window, rows: await rowsOf(session, table) })]);
  }

  #keep(name: string, window: Remembered): void {
    const remembered = this.#byPolicy.get(name) ?? [];
    this.#byPolicy.delete(name);
    this.#byPolicy.set(name, [...remembered, window]);
  }

  /** Drops what no window can look back at any more. */
  async #tidy(session: Session, { windowsMax }: HistoryPlan, number: number, name: string, picks: string): Promise<void> {
    const remembered = this.#byPolicy.get(name) ?? [];
    const gone = remembered.filter((window) => number - window.number >= windowsMax);
    this.#byPolicy.set(name, remembered.filter((window) => !gone.includes(window)));
    const excess = [...this.#byPolicy.keys()].slice(0, Math.max(0, this.#byPolicy.size - historiesMax));
    for (const other of excess) {
      gone.push(...this.#byPolicy.get(other) ?? []);
      this.#byPolicy.delete(other);
    }
    for (const { table, file } of gone) {
      await session.run(`DROP TABLE IF EXISTS ${table}`);
      if (file !== null) await this.#files?.remove(file);
    }
    await session.run(`DROP TABLE IF EXISTS ${picks}`);
    await session.run('DROP TABLE IF EXISTS temp.history_rows');
  }
}

/** A policy that was loaded again has its history still, unless it remembers something else. */
function nameOf({ name }: CompiledPolicy, { declaration }: HistoryPlan): string {
  return JSON.stringify([name, declaration]);
}

/** The table of what the policy named: k (the item's key), n, split. Spans stand for their traces. */
async function writePicks(session: Session, table: string, policy: CompiledPolicy, window: Window, { count, keyBytes, n, split }: PolicyPicks): Promise<void> {
  const isSpans = window.signal === 'traces' && policy.keyKind === 'id';
  const type = policy.keyKind === 'trace_id' ? 'UUID' : 'UHUGEINT';
  const named = isSpans ? `${table}_spans` : table;
  const writer = await TableWriter.create(session, named, [{ name: 'k', type }, { name: 'n', type: 'UBIGINT' }, { name: 'split', type: 'BOOLEAN' }]);
  writer.write(count, [
    { bytes: keyBytes, valid: null }, { bytes: new Uint8Array(n.buffer, n.byteOffset, n.byteLength), valid: null }, { bytes: split ?? new Uint8Array(count), valid: null },
  ]);
  writer.flush();
  writer.close();
  if (!isSpans) return;
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: false });
  await session.run(`CREATE TABLE ${table} AS SELECT r.trace_id AS k, max(s.n) AS n, s.split AS split
    FROM ${named} s JOIN (${rows}) r ON r.wseq = (s.k & 4294967295::UHUGEINT)::UINTEGER GROUP BY ALL`);
  await session.run(`DROP TABLE ${named}`);
}
