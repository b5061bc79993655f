import duckdb from '@duckdb/node-bindings';
import { DuckDBConnection } from '@duckdb/node-api';

/**
 * Where an instance may put what does not fit into memory. DuckDB lets SQL read and write in that directory even without external access, so nothing
 * else may lie there.
 */
export interface SpillLimits {
  readonly directory: string;
  readonly bytesMax: number;
}

export interface DuckDBMemory {
  readonly bytes: number;
  readonly spilledBytes: number;
}

/** What an instance may use; DuckDB's own names for its settings. */
export interface DuckDBLimits {
  readonly memoryLimitBytes: number;
  /** Where to spill; left out: what needs more memory fails. */
  readonly spill?: SpillLimits;
  readonly threads: number;
}

function settings(limits: DuckDBLimits): { readonly [name: string]: string } {
  return {
    threads: String(limits.threads),
    memory_limit: `${Math.floor(limits.memoryLimitBytes / 2 ** 20)}MiB`,
    temp_directory: limits.spill?.directory ?? '',
    enable_external_access: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: 'false',
  };
}

/**
 * One embedded DuckDB: in memory, without files (but those that it spills), network or extensions. Statements of the engine and of users run
 * on connections of their own, so that a user's query can be given up without touching the rest.
 */
export class Database {
  readonly #database: duckdb.Database;

  private constructor(database: duckdb.Database) {
    this.#database = database;
  }

  /** Opens an instance, runs `setup` (trusted SQL: macros, types), then locks its configuration. */
  static async open(limits: DuckDBLimits, setup: readonly string[] = []): Promise<Database> {
    const config = duckdb.create_config();
    for (const [name, value] of Object.entries(settings(limits))) duckdb.set_config(config, name, value);
    const handle = await duckdb.open(':memory:', config);
    const database = new Database(handle);
    const session = await database.connect();
    for (const sql of setup) await session.run(sql);
    // As a setting at the start it is shown but not kept to (DuckDB 1.5.6).
    if (limits.spill !== undefined) await session.run(`SET max_temp_directory_size = '${Math.floor(limits.spill.bytesMax / 2 ** 20)}MiB'`);
    await session.run('SET lock_configuration = true');
    session.close();
    return database;
  }

  async connect(): Promise<Session> {
    return new Session(await duckdb.connect(this.#database));
  }

  /** A session that appends while tables are created and dropped: what it flushes would end a statement that is under way on the same connection. */
  async connectToAppend(): Promise<Session> {
    return new Session(await duckdb.connect(this.#database), await this.connect());
  }

  /** What it holds in memory, and what it has spilled, in bytes. */
  async memory(): Promise<DuckDBMemory> {
    const session = await this.connect();
    try {
      const { bytes } = (await session.run('SELECT sum(memory_usage_bytes)::BIGINT, sum(temporary_storage_bytes)::BIGINT FROM duckdb_memory()')).columns([8, 8]);
      const [held, spilled] = bytes.map(({ buffer }) => Number(new BigInt64Array(buffer)[0]));
      return { bytes: held, spilledBytes: spilled };
    } finally {
      session.close();
    }
  }

  close(): void {
    duckdb.close_sync(this.#database);
  }
}

/** A connection. Queries run on a worker thread of libuv, appends on the calling thread. */
export class Session {
  readonly raw: duckdb.Connection;
  /** The same connection with the interface of @duckdb/node-api. */
  readonly api: DuckDBConnection;
  /** Where the tables that it appends to are created and dropped. */
  readonly definer: Session;
  #pending = 0;
  #isClosing = false;

  constructor(raw: duckdb.Connection, definer: Session | null = null) {
    this.raw = raw;
    this.api = new DuckDBConnection(raw);
    this.definer = definer ?? this;
  }

  /** Runs one trusted statement; an error carries the SQL. */
  async run(sql: string): Promise<QueryResult> {
    this.#pending++;
    try {
      return new QueryResult(await duckdb.query(this.raw, sql));
    } catch (cause) {
      throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\nin: ${sql.slice(0, 2000)}`, { cause });
    } finally {
      if (--this.#pending === 0 && this.#isClosing) this.api.closeSync();
    }
  }

  appender(table: string): duckdb.Appender {
    return duckdb.appender_create(this.raw, null, table);
  }

  /** Closes the connection, once no statement runs on it: DuckDB does not bear less. */
  close(): void {
    if (this.definer !== this) this.definer.close();
    this.#isClosing = true;
    if (this.#pending === 0) this.api.closeSync();
  }
}

/** A materialised result, read by whole vectors. */
export class QueryResult {
  readonly #result: duckdb.Result;

  constructor(result: duckdb.Result) {
    this.#result = result;
  }

  /**
   * Fixed-width columns as bytes, all chunks joined; `widths[i]` is the bytes a value of column i takes.
   * The caller knows that the columns hold no NULL.
   */
  columns(widths: readonly number[]): { readonly count: number; readonly bytes: readonly Uint8Array[] } {
    const chunkCount = duckdb.result_chunk_count(this.#result);
    const chunks = Array.from({ length: chunkCount }, (_, index) => duckdb.result_get_chunk(this.#result, index));
    const sizes = chunks.map((chunk) => duckdb.data_chunk_get_size(chunk));
    const count = sizes.reduce((sum, size) => sum + size, 0);
    const bytes = widths.map((width) => new Uint8Array(count * width));
    let row = 0;
    chunks.forEach((chunk, chunkIndex) => {
      widths.forEach((width, column) => {
        const vector = duckdb.data_chunk_get_vector(chunk, column);
        bytes[column].set(duckdb.vector_get_data(vector, sizes[chunkIndex] * width), row * width);
      });
      row += sizes[chunkIndex];
    });
    return { count, bytes };
  }

  /** The single BIGINT or UBIGINT of a one-row result. */
  integer(): number {
    const { count, bytes } = this.columns([8]);
    if (count !== 1) throw new Error(`invariant broken: one row expected, got ${count}`);
    return Number(new BigInt64Array(bytes[0].buffer, 0, 1)[0]);
  }
}
