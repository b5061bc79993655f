import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Database } from '../../../src/store/duckdb.ts';
import { openSpill } from '../../../src/store/spill-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'thresher-spill-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const mib = 2 ** 20;
/** Needs about 130 MB as a table, 16 bytes a value. */
const large = 'CREATE TABLE large AS SELECT uuid() AS u, range AS r FROM range(5_000_000)';
const sum = 'SELECT count(DISTINCT r) FROM large';

describe('DuckDB in 64 MiB', () => {
  test('without a directory a table that is larger fails, and with one it is spilled, read whole, and gone with its table', async () => {
    const tight = await Database.open({ memoryLimitBytes: 64 * mib, threads: 1 });
    const none = await tight.connect();
    await expect(none.run(large)).rejects.toThrow(/Out of Memory/i);
    none.close();
    tight.close();

    const spill = openSpill({ spillDir: join(root, 'a'), spillLimit: 2 ** 30 });
    if (spill === null) throw new Error('a directory was named');
    const database = await Database.open({ memoryLimitBytes: 64 * mib, threads: 1, spill });
    const session = await database.connect();
    await session.run(large);
    const spilled = (): number => readdirSync(spill.directory).reduce((bytes, name) => bytes + statSync(join(spill.directory, name)).size, 0);
    expect(spilled()).toBeGreaterThan(30 * mib);
    expect((await session.run(sum)).integer()).toBe(5_000_000);
    await session.run('DROP TABLE large');
    expect(spilled()).toBe(0);
    session.close();
    database.close();
  });

  test('what is spilled has a bound, at which the query fails and the instance goes on', async () => {
    const spill = openSpill({ spillDir: join(root, 'b'), spillLimit: 16 * mib });
    if (spill === null) throw new Error('a directory was named');
    const database = await Database.open({ memoryLimitBytes: 64 * mib, threads: 1, spill });
    const session = await database.connect();
    await expect(session.run(large)).rejects.toThrow(/max_temp_directory_size|Out of Memory/i);
    expect((await session.run('SELECT 7::BIGINT')).integer()).toBe(7);
    session.close();
    database.close();
  });

  test('the rest of the disk stays out of reach, and no query can move the directory', async () => {
    const spill = openSpill({ spillDir: join(root, 'c'), spillLimit: 16 * mib });
    if (spill === null) throw new Error('a directory was named');
    writeFileSync(join(root, 'secret.csv'), 'a\n1\n');
    const database = await Database.open({ memoryLimitBytes: 64 * mib, threads: 1, spill });
    const session = await database.connect();
    for (const sql of [
      `SELECT * FROM read_csv('${join(root, 'secret.csv')}')`, `SELECT * FROM read_csv('${join(spill.directory, '..', '..', 'secret.csv')}')`, `COPY (SELECT 1) TO '${join(root, 'c', 'out.csv')}'`,
      `ATTACH '${join(root, 'c', 'a.db')}'`,
    ]) await expect(session.run(sql), sql).rejects.toThrow(/Permission Error|disabled by configuration/);
    for (const sql of [`SET temp_directory = '${root}'`, `SET max_temp_directory_size = '1TiB'`, `SET memory_limit = '1TiB'`]) await expect(session.run(sql), sql).rejects.toThrow(/locked/);
    session.close();
    database.close();
  });
});

describe('the directory', () => {
  test('is emptied of what an earlier process left, and of nothing else', () => {
    const first = openSpill({ spillDir: join(root, 'd'), spillLimit: mib });
    writeFileSync(join(first?.directory ?? '', 'left.tmp'), 'x');
    writeFileSync(join(root, 'd', 'mine'), 'x');
    expect(openSpill({ spillDir: join(root, 'd'), spillLimit: mib })).toEqual(first);
    expect([readdirSync(first?.directory ?? ''), existsSync(join(root, 'd', 'mine')), statSync(first?.directory ?? '').mode & 0o777]).toEqual([[], true, 0o700]);
  });

  test('that cannot be made is an error that says what to do; none is no spilling', () => {
    writeFileSync(join(root, 'file'), 'x');
    expect(() => openSpill({ spillDir: join(root, 'file'), spillLimit: mib })).toThrow(/memory\.spill_dir cannot be used: .*leave it out/);
    expect(openSpill({ spillDir: null, spillLimit: mib })).toBeNull();
  });
});
