import duckdb from '@duckdb/node-bindings';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import type { CompiledPolicy } from './compile/compiled.ts';
import { isConnectionLost, PolicyError } from './compile/policy-error.ts';
import { notQuick } from './compile/quick/walk-sql.ts';
import { withinDeadline } from './deadline.ts';
import { memoryGrowthMax, watchMemory } from './memory-watch.ts';

/** What a policy named: one entry a key (and split), in no order. */
export interface PolicyPicks {
  readonly count: number;
  /**
   * 16 bytes an entry as they lie in DuckDB's memory: little-endian, low half first. `id` is a plain 128-bit number;
   * `trace_id` is a UUID, whose top bit DuckDB keeps flipped: byte 15 is the trace id's first byte XOR 0x80.
   */
  readonly keyBytes: Uint8Array;
  /** N = floor(p * 2^56), from 0 (never) to 2^56 (always). */
  readonly n: BigUint64Array;
  /** 1 where the entry is sampled by a hash of its own (sampling.md, rule 14); null where the policy has no such entries. */
  readonly split: Uint8Array | null;
}

export interface EvaluateOptions {
  readonly deadlineMs: number;
  /** Most entries taken. */
  readonly rowsMax: number;
  /** Bytes that the process may grow by meanwhile; `memoryGrowthMax` where it is not given. */
  readonly growthMaxBytes?: number;
  readonly seam: Seam;
}

/**
 * Runs a compiled policy once, in a read-only transaction, on a connection where its views exist. Throws PolicyError:
 * `deadline` (with `connectionLost` when the query would not stop), `rows_max`, `memory`, or `failed` with what DuckDB says.
 */
export async function evaluatePolicy(connection: DuckDBConnection, policy: CompiledPolicy, options: EvaluateOptions): Promise<PolicyPicks> {
  const { deadlineMs, rowsMax, growthMaxBytes = memoryGrowthMax, seam } = options;
  const watching = new AbortController();
  let isTooLarge = false;
  void watchMemory(growthMaxBytes, seam, watching.signal, () => {
    isTooLarge = true;
    connection.interrupt();
  });
  try {
    const query = pick(connection, policy, rowsMax);
    const timed = await withinDeadline(query, () => connection.interrupt(), deadlineMs, seam);
    if (timed.kind === 'done') return timed.value;
    const connectionLost = timed.kind === 'running';
    const rest = connectionLost ? ' and does not stop' : '';
    throw new PolicyError(policy.name, 'deadline', `it took longer than ${deadlineMs} ms${rest}`, { connectionLost });
  } catch (error) {
    if (!isTooLarge || isConnectionLost(error)) throw error;
    throw new PolicyError(policy.name, 'memory', `it took more than ${Math.round(growthMaxBytes / 2 ** 20)} MiB of memory`, { hint: 'narrow its WHERE', cause: error });
  } finally {
    watching.abort();
  }
}

/** The quick ways of a policy first; what does not hold costs the time until it is noticed. */
async function pick(connection: DuckDBConnection, policy: CompiledPolicy, rowsMax: number): Promise<PolicyPicks> {
  for (const sql of policy.quickSqls ?? []) {
    try {
      return await pickBy(connection, policy, sql, rowsMax);
    } catch (error) {
      if (!messageOf(error).includes(notQuick)) throw error;
    }
  }
  return await pickBy(connection, policy, policy.wrappedSql, rowsMax);
}

async function pickBy(connection: DuckDBConnection, policy: CompiledPolicy, sql: string, rowsMax: number): Promise<PolicyPicks> {
  try {
    await connection.run('BEGIN TRANSACTION READ ONLY');
    try {
      const result = await connection.run(`SELECT * FROM (${sql}) LIMIT ${rowsMax + 1}`);
      return readPicks(policy, await result.fetchAllChunks(), rowsMax);
    } finally {
      await connection.run('ROLLBACK');
    }
  } catch (error) {
    throw error instanceof PolicyError ? error : failure(policy, error);
  }
}

function failure(policy: CompiledPolicy, error: unknown): PolicyError {
  const own = `policy ${policy.name}: `;
  const message = messageOf(error).replace(/^[A-Z][\w ]+ Error: /, '');
  return new PolicyError(policy.name, 'failed', message.startsWith(own) ? message.slice(own.length) : message, { cause: error });
}

function readPicks(policy: CompiledPolicy, chunks: readonly DuckDBDataChunk[], rowsMax: number): PolicyPicks {
  const count = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
  if (count > rowsMax) {
    throw new PolicyError(policy.name, 'rows_max', `it names more than ${rowsMax} items`, { hint: 'narrow its WHERE, or raise the limit' });
  }
  const picks = {
    count,
    keyBytes: new Uint8Array(count * 16),
    n: new BigUint64Array(count),
    split: policy.hasSplit ? new Uint8Array(count) : null,
  };
  let row = 0;
  for (const chunk of chunks) {
    copyColumn(chunk, 0, 16, picks.keyBytes, row);
    copyColumn(chunk, 1, 8, new Uint8Array(picks.n.buffer), row);
    if (picks.split !== null) copyColumn(chunk, 2, 1, picks.split, row);
    row += chunk.rowCount;
  }
  return picks;
}

function copyColumn(chunk: DuckDBDataChunk, column: number, widthBytes: number, target: Uint8Array, row: number): void {
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, column);
  target.set(duckdb.vector_get_data(vector, chunk.rowCount * widthBytes), row * widthBytes);
}
