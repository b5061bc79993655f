import { childColumns } from './child-tables.ts';
import { TWO_56 } from '../sampling/word56.ts';
import type { Session } from './duckdb.ts';
import type { HeldBatch, RowRun } from './held-batch.ts';
import { type SlotPlan, inputColumns, rowColumns } from './slot-plan.ts';
import { starColumns } from './star-tables.ts';
import { StringTable } from './string-table.ts';
import { type ColumnDefinition, TableWriter } from './table-writer.ts';

/** Distinct texts that a slot remembers for deduplication. */
const textsRemembered = 200_000;

/**
 * The tables of one slot: rows that arrived within one stretch of time, never altered after, dropped whole.
 * Row numbers (`seq`, in the row table its rowid) count from 0 within the slot.
 */
export class Slot {
  readonly name: string;
  readonly plan: SlotPlan;
  readonly rows: TableWriter;
  readonly inputs: TableWriter;
  readonly strings: StringTable;
  readonly #session: Session;
  readonly #extra = new Map<string, TableWriter>();
  readonly #runs: RowRun[] = [];
  #nMax = TWO_56;
  #settledRows = 0;

  private constructor(
    session: Session, name: string, plan: SlotPlan,
    tables: { rows: TableWriter; inputs: TableWriter; strings: StringTable },
  ) {
    this.#session = session;
    this.name = name;
    this.plan = plan;
    this.rows = tables.rows;
    this.inputs = tables.inputs;
    this.strings = tables.strings;
  }

  static async create(session: Session, name: string, plan: SlotPlan): Promise<Slot> {
    const slot = new Slot(session, name, plan, {
      rows: await TableWriter.create(session, `${name}_rows`, rowColumns(plan)),
      inputs: await TableWriter.create(session, `${name}_inputs`, inputColumns),
      strings: await StringTable.create(session, `${name}_strings`, textsRemembered),
    });
    for (const child of plan.children) await slot.#addTable(child.child, childColumns(child));
    for (const { star } of plan.stars) await slot.#addTable(star, starColumns);
    return slot;
  }

  /** Greatest N that its rows may have come with: all are as if they had come with at most that, and those whose R does not reach it are in no window. */
  get nMax(): bigint {
    return this.#nMax;
  }

  /** Lowers it; it never rises again. */
  limitInput(n: bigint): void {
    if (n < this.#nMax) this.#nMax = n;
  }

  /** Whether any row has an input probability below 1, or none that is known. */
  get isSampled(): boolean {
    return this.inputs.rowCount > 0 || this.#nMax < TWO_56;
  }

  /** Rough bytes that the slot's tables hold. */
  get byteLength(): number {
    let bytes = this.rows.rowCount * this.rows.rowBytes + this.inputs.rowCount * this.inputs.rowBytes;
    for (const table of this.#extra.values()) bytes += table.rowCount * table.rowBytes;
    return bytes + this.strings.byteLength;
  }

  table(suffix: string): TableWriter {
    const table = this.#extra.get(suffix);
    if (table === undefined) throw new Error(`invariant broken: slot ${this.name} has no table ${suffix}`);
    return table;
  }

  /** Runs of rows by the batch that they come from, in order of `seq`. */
  get runs(): readonly RowRun[] {
    return this.#runs;
  }

  /** Takes hold of a batch for `count` rows that will be written next; returns the first one's row number. */
  addRun(batch: HeldBatch, rows: Uint32Array | null, count: number): number {
    const seqStart = this.rows.rowCount;
    batch.hold();
    this.#runs.push({ seqStart, count, batch, rows });
    return seqStart;
  }

  async #addTable(suffix: string, columns: readonly ColumnDefinition[]): Promise<void> {
    this.#extra.set(suffix, await TableWriter.create(this.#session, `${this.name}_${suffix}`, columns));
  }

  /** Makes all rows written so far visible to queries. */
  flush(): void {
    this.strings.flush();
    this.rows.flush();
    this.inputs.flush();
    for (const table of this.#extra.values()) table.flush();
  }

  /** Little is expected to come any more: lets go of what only helps to write, so that all of it can be spilled. Rows may come all the same. */
  settle(): void {
    if (this.#settledRows === this.rows.rowCount) return;
    this.strings.settle();
    this.rows.settle();
    this.inputs.settle();
    for (const table of this.#extra.values()) table.settle();
    this.#settledRows = this.rows.rowCount;
  }

  async drop(): Promise<void> {
    const tables = [this.rows.table, this.inputs.table, this.strings.table, ...[...this.#extra.values()].map((t) => t.table)];
    this.rows.close();
    this.inputs.close();
    this.strings.close();
    for (const table of this.#extra.values()) table.close();
    for (const run of this.#runs) run.batch.release();
    this.#runs.length = 0;
    for (const table of tables) await this.#session.definer.run(`DROP TABLE ${table}`);
  }
}
