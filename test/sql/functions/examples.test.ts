import { readFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

/**
 * Scenario: somebody copies the example out of the head of a function's file.
 * Guarantees: what is a policy compiles, what is a query runs, what is an equation is true.
 */

const functions = sqlFunctionFiles();

interface Example {
  readonly name: string;
  readonly sql: string;
}

/** The text after `-- Example:`, with the lines that are indented under it. */
const examples: readonly Example[] = functions.flatMap(({ name, path }) => {
  const found = /^-- Example: (.*\n(?:-- {5,}.*\n)*)/m.exec(readFileSync(path, 'utf8'));
  return found === null ? [] : [{ name, sql: found[1].replace(/^--/gm, '').trim() }];
});

const isEquation = ({ sql }: Example): boolean => !/^(SELECT|WITH)\b/.test(sql);
const isPolicy = ({ sql }: Example): boolean => /recursive := true|AS probability/.test(sql);

let connection: DuckDBConnection;
let compiler: PolicyCompiler;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of functions) await connection.run(readFileSync(path, 'utf8'));
  await connection.run(`
    CREATE TABLE traces AS SELECT uuid() AS trace_id, 's' || i % 3 AS root_service, 'n' || i % 7 AS root_name, 2.0 AS adjusted_count FROM range(50) t(i);
    CREATE TABLE spans AS SELECT trace_id, root_service AS service_name, adjusted_count FROM traces, range(2);
    CREATE TABLE logs AS SELECT i::UHUGEINT << 64 AS id, {'key': i::UHUGEINT << 64, 'r': i::UBIGINT, 'n_in': 72057594037927936::UBIGINT} AS item, 's' || i % 3 AS service_name FROM range(50) t(i)`);
  compiler = await PolicyCompiler.create(functions);
});
afterAll(() => {
  connection.closeSync();
  compiler.close();
});

test('there are some of each kind', () => {
  expect(examples.length).toBeGreaterThan(20);
  expect(examples.filter(isPolicy).length).toBeGreaterThan(10);
  expect(examples.filter(isEquation).length).toBeGreaterThanOrEqual(3);
});

describe.each(examples)('$name', (example) => {
  test('its example', async () => {
    if (isPolicy(example)) {
      await compiler.compile(example.name, example.sql);
      return;
    }
    const rows = (await connection.runAndReadAll(isEquation(example) ? `SELECT ${example.sql} AS holds` : example.sql)).getRowsJS();
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) for (const value of row) expect(value).not.toBeNull();
    if (isEquation(example)) expect(rows).toEqual([[true]]);
  });
});
