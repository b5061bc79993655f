import { readFile } from 'node:fs/promises';
import { messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import { Database, type Session } from '../../store/duckdb.ts';
import { withinDeadline } from '../deadline.ts';
import { createTableSql, type TableReads, type TableShape } from './catalog-sql.ts';
import type { PolicySource } from './policy-source.ts';
import { isNode, type Node, nodesOf, parseTree, printTree, type SqlTree, textOf } from './sql-tree.ts';

/** A column of a SELECT: `type` as DuckDB writes it. */
export interface ResultColumn {
  readonly name: string;
  readonly type: string;
}

/** Columns that survive pruning, for one scan of a table; a field of a struct is `column.field`. */
export interface Scan {
  readonly table: string;
  readonly columns: readonly string[];
}

const planDeadlineMs = 10_000;
const memoryLimitBytes = 256 * 2 ** 20;

/** With these two, scans of empty tables vanish from the plan, or hide the columns that only a filter reads. */
const disabledOptimizers = 'statistics_propagation,filter_pushdown';

/** A DuckDB of its own, without data: it parses, binds and plans policies, and never runs one. */
export class Analysis {
  readonly #database: Database;
  readonly #seam: Seam;
  /** Names of the macros that were loaded, lower case. */
  readonly macros: ReadonlySet<string>;

  private constructor(database: Database, seam: Seam, macros: ReadonlySet<string>) {
    this.#database = database;
    this.#seam = seam;
    this.macros = macros;
  }

  /**
   * Opens the instance with the macros of `functionPaths`, in their order, and locks it. `optimizes`: plans use statistics, which tells
   * what cannot match, and no longer what is read.
   */
  static async open(functionPaths: readonly string[], seam: Seam, optimizes = false): Promise<Analysis> {
    const functions = await Promise.all(functionPaths.map((path) => readFile(path, 'utf8')));
    const setup = [...functions, ...(optimizes ? [] : [`SET disabled_optimizers = '${disabledOptimizers}'`])];
    const database = await Database.open({ memoryLimitBytes, threads: 1 }, setup);
    const session = await database.connect();
    try {
      const found = await rowsOf(session, `SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE NOT internal AND function_type LIKE '%macro%'`);
      return new Analysis(database, seam, new Set(found.map(([name]) => String(name))));
    } finally {
      session.close();
    }
  }

  close(): void {
    this.#database.close();
  }

  /** Parses the text into its one statement. Throws PolicyError `syntax` or `not_allowed`. */
  async parse(source: PolicySource): Promise<Node> {
    const answer = await this.#serialize(source.text);
    if (answer['error'] !== false) throw syntaxError(source, answer);
    const statements = nodesOf(answer['statements']);
    if (statements.length !== 1) {
      throw source.error('not_allowed', `a policy is one SELECT, this has ${statements.length} statements`, { at: statements[1] });
    }
    return statements[0];
  }

  /** SQL text of a statement. Throws PolicyError `not_allowed` when the text would not say what the tree says. */
  async print(source: PolicySource, statement: Node): Promise<string> {
    const sql = await this.#deserialize(printTree({ error: false, statements: [statement] })).catch((cause: unknown) => {
      throw notTheSame(source, cause);
    });
    const again = nodesOf((await this.#serialize(sql))['statements']);
    if (again.length !== 1 || canonical(again[0]) !== canonical(statement)) throw notTheSame(source);
    return sql;
  }

  /** SQL text of a statement of our own making. Throws what DuckDB says. */
  write(statement: Node): Promise<string> {
    return this.#deserialize(printTree({ error: false, statements: [statement] }));
  }

  async #serialize(sql: string): Promise<Node> {
    const answer = await this.#text('SELECT json_serialize_sql($1::VARCHAR)', sql);
    const tree = parseTree(answer);
    if (!isNode(tree)) throw new Error('invariant broken: json_serialize_sql gives an object');
    return tree;
  }

  #deserialize(json: string): Promise<string> {
    return this.#text('SELECT json_deserialize_sql($1::JSON)', json);
  }

  async #text(sql: string, value: string): Promise<string> {
    const session = await this.#database.connect();
    try {
      const reader = await session.api.runAndReadAll(sql, [value]);
      return String(reader.getRows()[0][0]);
    } finally {
      session.close();
    }
  }

  /** A place with empty tables to bind and plan in. */
  async bench(source: PolicySource): Promise<Bench> {
    return new Bench(await this.#database.connect(), source, this.#seam);
  }
}

/** Empty tables on a connection of their own, for one policy. */
export class Bench {
  readonly #session: Session;
  readonly #source: PolicySource;
  readonly #seam: Seam;
  #lost = false;

  constructor(session: Session, source: PolicySource, seam: Seam) {
    this.#session = session;
    this.#source = source;
    this.#seam = seam;
  }

  /** A connection on which planning does not stop is left to itself. */
  close(): void {
    if (!this.#lost) this.#session.close();
  }

  /** Makes the tables, each with what `reads` says of it; a table that reads nothing does not exist. */
  async createTables(tables: readonly TableShape[], reads: (table: TableShape) => TableReads | null): Promise<void> {
    for (const table of tables) {
      const wanted = reads(table);
      await this.#session.run(wanted === null ? `DROP TABLE IF EXISTS temp.${table.name}` : createTableSql(table, wanted));
    }
  }

  /** Binds a SELECT; gives its columns. Throws what DuckDB says. */
  async columnsOf(sql: string): Promise<readonly ResultColumn[]> {
    const rows = await this.#timed(`DESCRIBE ${sql}`);
    return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  }

  /** Plans a SELECT; gives the scans of tables. */
  async scansOf(sql: string): Promise<readonly Scan[]> {
    const scans: Scan[] = [];
    collectScans(await this.planOf(sql), scans);
    return scans;
  }

  /** The plan of a SELECT: a list of the one operator at its top, each with `name` and `children`. */
  async planOf(sql: string): Promise<SqlTree> {
    const rows = await this.#timed(`EXPLAIN (FORMAT json) ${sql}`);
    return parseTree(String(rows[0][1]));
  }

  /** Runs SQL of our own. */
  async run(sql: string): Promise<void> {
    await this.#session.run(sql);
  }

  /** The value of a constant expression. */
  async valueOf(expression: string): Promise<unknown> {
    return (await this.#timed(`SELECT (${expression})`))[0][0];
  }

  /** Planning folds constants, so it may take as long as running. */
  async #timed(sql: string): Promise<readonly (readonly unknown[])[]> {
    const timed = await withinDeadline(rowsOf(this.#session, sql), () => this.#session.api.interrupt(), planDeadlineMs, this.#seam);
    if (timed.kind === 'done') return timed.value;
    this.#lost = timed.kind === 'running';
    throw this.#source.error('too_large', `planning took longer than ${planDeadlineMs / 1000} s`);
  }
}

async function rowsOf(session: Session, sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await session.api.runAndReadAll(sql)).getRows();
}

function notTheSame(source: PolicySource, cause?: unknown): Error {
  return source.error('not_allowed', 'DuckDB writes this syntax in another way than it reads it', { hint: 'say it in simpler words', cause });
}

function syntaxError(source: PolicySource, answer: Node): Error {
  const message = textOf(answer['error_message']);
  const position = Number.parseInt(textOf(answer['position']), 10);
  const at = Number.isNaN(position) ? undefined : position;
  if (/only SELECT statements|SELECT INTO|CTE needs a SELECT|locking clause/i.test(message)) {
    return source.error('not_allowed', `a policy is one SELECT that changes nothing (${message})`, { at });
  }
  if (/parameters/i.test(message)) return source.error('not_allowed', 'parameters ($1, ?, $name) have no value here', { at, hint: 'write the value itself' });
  return source.error('syntax', message, { at });
}

/**
 * A tree without what has no meaning: positions, the order of what a star leaves out, a CTE's wish to be materialized, which DuckDB does not write, and
 * the SELECT that it writes around every VALUES.
 */
function canonical(statement: Node): string {
  return JSON.stringify(statement, (field: string, value: SqlTree) => {
    if (field === 'query_location' || field === 'materialized' || field === 'named_param_map') return undefined;
    if (field === 'exclude_list' && Array.isArray(value)) return value.map((name) => JSON.stringify(name)).sort();
    return isNode(value) ? valuesWithin(value) : value;
  });
}

function valuesWithin(table: Node): Node {
  if (table['type'] !== 'SUBQUERY' || table['alias'] !== 'valueslist' || !isNode(table['subquery'])) return table;
  const select = table['subquery']['node'];
  const from = isNode(select) ? select['from_table'] : null;
  return isNode(from) && from['type'] === 'EXPRESSION_LIST' ? from : table;
}

/** What DuckDB itself says, without its prefix and the SQL it quotes. */
export function engineMessage(error: unknown): string {
  return messageOf(error).replace(/\n+\s*LINE \d+:[\s\S]*$/, '').replace(/^[A-Z][\w ]+ Error: /, '').trim();
}

function collectScans(tree: SqlTree, scans: Scan[]): void {
  if (Array.isArray(tree)) return tree.forEach((entry) => collectScans(entry, scans));
  if (!isNode(tree)) return;
  const info = tree['extra_info'];
  if (isNode(info) && typeof info['Table'] === 'string') {
    const projections = info['Projections'];
    const columns = Array.isArray(projections) ? projections : [projections];
    scans.push({
      table: info['Table'].split('.').at(-1) ?? '',
      columns: columns.filter((column) => typeof column === 'string').filter((column) => column !== ''),
    });
  }
  if (tree['children'] !== undefined) collectScans(tree['children'], scans);
}
