import { afterAll, beforeAll } from 'vitest';
import { Database, type Session } from '../../../src/store/duckdb.ts';

/** A database for the tests of a file; `session()` is open while they run. */
export function useEngine(memoryLimitBytes = 2 ** 28): { session(): Session; database(): Database } {
  const open: { database?: Database; session?: Session } = {};
  beforeAll(async () => {
    open.database = await Database.open({ memoryLimitBytes, threads: 1 });
    open.session = await open.database.connect();
  });
  afterAll(() => {
    open.session?.close();
    open.database?.close();
  });
  const opened = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the engine is not open yet');
    return value;
  };
  return { session: () => opened(open.session), database: () => opened(open.database) };
}

/** Rows as texts, NULL as null. */
export async function rowsOf(session: Session, sql: string): Promise<(string | null)[][]> {
  const rows = (await session.api.runAndReadAll(sql)).getRows();
  return rows.map((row) => row.map((value) => (value === null ? null : String(value))));
}
