// Runs SQL in ClickHouse: { setup: [SQL], queries: [SQL] } on standard input, an array of rows for each query on standard output.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { Session } = createRequire(join(process.argv[2], 'package.json'))('chdb');
const directory = mkdtempSync(join(tmpdir(), 'clickhouse-'));
try {
  const session = new Session(directory);
  const { setup, queries } = JSON.parse(readFileSync(0, 'utf8'));
  session.query('CREATE DATABASE IF NOT EXISTS t');
  session.query('USE t');
  for (const sql of setup) session.query(sql);
  writeFileSync(process.argv[3], JSON.stringify(queries.map((sql) => JSON.parse(session.query(sql, 'JSON')).data)));
  session.cleanup();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
