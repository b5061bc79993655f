import type { Seam } from '../base/seam.ts';
import { allReads, createTableSql } from '../policy/compile/catalog-sql.ts';
import { PolicyError } from '../policy/compile/policy-error.ts';
import { withinDeadline } from '../policy/deadline.ts';
import { Database, type Session } from '../store/duckdb.ts';
import type { CompiledRule } from './compile-rule.ts';
import type { RateRow, RateSettings, WantedRate } from './rate-row.ts';
import { rowsJson, rowsSql, ruleTables, settingsColumns, statisticsColumns } from './rule-tables.ts';

const memoryLimitBytes = 128 * 2 ** 20;
const deadlineMs = 5000;
/** Characters of a reason that are shown. */
const reasonCharsMax = 200;

/** Runs the SQL of rates, in a small DuckDB of its own, so that it waits for nobody's query and nobody for it. */
export class HeadRule {
  #rule: CompiledRule;
  readonly #seam: Seam;
  readonly #database: Database;
  #session: Session | null = null;

  private constructor(rule: CompiledRule, seam: Seam, database: Database) {
    this.#rule = rule;
    this.#seam = seam;
    this.#database = database;
  }

  static async open(rule: CompiledRule, seam: Seam): Promise<HeadRule> {
    return new HeadRule(rule, seam, await Database.open({ memoryLimitBytes, threads: 1 }));
  }

  /** From the next call on another SQL makes the rates. */
  use(rule: CompiledRule): void {
    this.#rule = rule;
  }

  /** One call at a time. Throws PolicyError where the SQL fails, returns a rate outside [0, 1], or takes longer than 5 s. */
  async rates(rows: readonly RateRow[], settings: RateSettings): Promise<readonly WantedRate[]> {
    const session = this.#session ?? await this.#database.connect();
    this.#session = session;
    await fill(session, rows, settings);
    const timed = await withinDeadline(this.#select(session, rows.length), () => session.api.interrupt(), deadlineMs, this.#seam);
    if (timed.kind === 'done') return timed.value;
    if (timed.kind === 'running') this.#session = null;
    throw new PolicyError(this.#rule.name, 'deadline', `it took longer than ${deadlineMs} ms`);
  }

  close(): void {
    this.#session?.close();
    this.#database.close();
  }

  async #select(session: Session, rowsMax: number): Promise<readonly WantedRate[]> {
    await session.run('BEGIN TRANSACTION READ ONLY');
    try {
      const found = (await session.api.runAndReadAll(`${this.#rule.sql} LIMIT ${rowsMax + 1}`)).getRows();
      if (found.length > rowsMax) throw new PolicyError(this.#rule.name, 'rows_max', 'it returns more rows than head_statistics has', { hint: 'return one row for each' });
      return found.flatMap(([service, operation, rate, reason]) => (service === null || rate === null ? [] : [this.#wanted(String(service), operation === null ? null : String(operation), Number(rate), String(reason))]));
    } catch (error) {
      throw error instanceof PolicyError ? error : new PolicyError(this.#rule.name, 'failed', error instanceof Error ? error.message.split('\n')[0] : String(error), { cause: error });
    } finally {
      await session.run('ROLLBACK');
    }
  }

  #wanted(service: string, operation: string | null, rate: number, reason: string): WantedRate {
    if (!(rate >= 0 && rate <= 1)) throw new PolicyError(this.#rule.name, 'failed', `it returns the rate ${rate}`, { hint: 'a rate is a number from 0 to 1; write least(1, ...)' });
    return { service, operation, rate, reason: reason.slice(0, reasonCharsMax) };
  }
}

/** Makes the tables anew: what is deleted from a table in memory, DuckDB does not give back. */
async function fill(session: Session, rows: readonly RateRow[], settings: RateSettings): Promise<void> {
  for (const table of ruleTables) await session.run(createTableSql(table, allReads(table, [])));
  await session.api.run(`INSERT INTO head_statistics ${rowsSql(statisticsColumns)}`, [rowsJson(statisticsColumns, rows)]);
  await session.api.run(`INSERT INTO head_settings ${rowsSql(settingsColumns)}`, [rowsJson(settingsColumns, [settings])]);
}
