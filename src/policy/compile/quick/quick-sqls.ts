import type { Analysis, Bench } from '../analysis.ts';
import type { PolicySource } from '../policy-source.ts';
import { rowSamplesAsJoins } from '../row-samples.ts';
import { type Reading, shapeOf } from '../shape.ts';
import type { Node } from '../sql-tree.ts';
import { quickStatement } from './quick-statement.ts';
import type { Walk } from './sample.ts';

interface Quick {
  readonly analysis: Analysis;
  readonly source: PolicySource;
  /** With the tables of the policy's views. */
  readonly bench: Bench;
  /** As written. */
  readonly statement: Node;
  readonly reading: Reading;
}

/**
 * Wrapped SQL that names what the statement names, fastest first: with traces as singles, then as units. None where the statement has no such sample, or
 * where DuckDB cannot write or bind it.
 */
export async function quickSqls(quick: Quick): Promise<readonly string[]> {
  const made: string[] = [];
  for (const walk of ['singles', 'units'] as const) {
    const sql = await quickSql(quick, walk).catch(() => null);
    if (sql !== null && !made.includes(sql)) made.push(sql);
  }
  return made;
}

async function quickSql({ analysis, source, bench, statement, reading }: Quick, walk: Walk): Promise<string | null> {
  const quick = await quickStatement(analysis, source, statement, walk);
  if (quick === null) return null;
  const sql = await analysis.print(source, await rowSamplesAsJoins(analysis, source, quick.statement));
  const once = reading.once || quick.isOnce;
  return shapeOf(source, sql, await bench.columnsOf(sql), { ...reading, once }).wrappedSql;
}
