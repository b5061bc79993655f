import { describe, expect, test } from 'vitest';
import { Database } from '../../../src/store/duckdb.ts';
import { type ColumnData, type ColumnType, TableWriter } from '../../../src/store/table-writer.ts';
import { rowsOf, useEngine } from './engine.ts';

const engine = useEngine();
let tables = 0;

/** A type with `count` values: what is written, and what SQL must say. */
interface Sample {
  readonly type: ColumnType;
  data(rows: readonly number[]): ColumnData;
  /** How row i reads, NULL aside. */
  text(i: number): string;
  readonly select: string;
}

const bytesOf = (values: ArrayBufferView): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const isNull = (i: number): boolean => i % 7 === 3;
const validOf = (rows: readonly number[]): Uint8Array => Uint8Array.from(rows, (i) => (isNull(i) ? 0 : 1));
const big = (i: number): bigint => BigInt(i) * 0x9e3779b97f4a7c15n;

function words(rows: readonly number[]): Uint8Array {
  return bytesOf(BigUint64Array.from(rows.flatMap((i) => [big(i) & (2n ** 64n - 1n), BigInt(i) << 32n])));
}

const samples: readonly Sample[] = [
  { type: 'BOOLEAN', select: 'c', data: (rows) => ({ bytes: Uint8Array.from(rows, (i) => i % 2), valid: validOf(rows) }), text: (i) => String(i % 2 === 1) },
  { type: 'UTINYINT', select: 'c', data: (rows) => ({ bytes: Uint8Array.from(rows, (i) => i % 256), valid: validOf(rows) }), text: (i) => String(i % 256) },
  { type: 'UINTEGER', select: 'c', data: (rows) => ({ bytes: bytesOf(Uint32Array.from(rows, (i) => 2 ** 32 - 1 - i)), valid: validOf(rows) }), text: (i) => String(2 ** 32 - 1 - i) },
  { type: 'INTEGER', select: 'c', data: (rows) => ({ bytes: bytesOf(Int32Array.from(rows, (i) => -i)), valid: validOf(rows) }), text: (i) => String(i === 0 ? 0 : -i) },
  { type: 'BIGINT', select: 'c', data: (rows) => ({ bytes: bytesOf(BigInt64Array.from(rows, (i) => BigInt.asIntN(64, big(i)))), valid: validOf(rows) }), text: (i) => String(BigInt.asIntN(64, big(i))) },
  { type: 'UBIGINT', select: 'c', data: (rows) => ({ bytes: bytesOf(BigUint64Array.from(rows, (i) => BigInt.asUintN(64, big(i)))), valid: validOf(rows) }), text: (i) => String(BigInt.asUintN(64, big(i))) },
  { type: 'DOUBLE', select: 'c', data: (rows) => ({ bytes: bytesOf(Float64Array.from(rows, (i) => i / 3)), valid: validOf(rows) }), text: (i) => String(i / 3) },
  { type: 'UHUGEINT', select: 'c', data: (rows) => ({ bytes: words(rows), valid: validOf(rows) }), text: (i) => String((BigInt(i) << 96n) | BigInt.asUintN(64, big(i))) },
  { type: 'VARCHAR', select: 'c', data: (rows) => ({ texts: rows.map((i) => (isNull(i) ? null : textOf(i))) }), text: textOf },
  { type: 'BLOB', select: "lower(hex(c))", data: (rows) => ({ texts: rows.map((i) => (isNull(i) ? null : Buffer.from(textOf(i)))) }), text: (i) => Buffer.from(textOf(i)).toString('hex') },
];

/** Short and long texts, empty ones, ones with NUL and with characters outside of the basic plane. */
function textOf(i: number): string {
  return ['', `t${i}`, `a longer text that does not fit into a header, ${i}`, `nul\0in${i}`, `𝄞 ünï ${i}`][i % 5];
}

async function written(sample: Sample, batches: readonly number[]): Promise<(string | null)[]> {
  const table = `t${tables++}`;
  const writer = await TableWriter.create(engine.session(), table, [{ name: 'i', type: 'UINTEGER' }, { name: 'c', type: sample.type }]);
  let next = 0;
  for (const count of batches) {
    const rows = Array.from({ length: count }, () => next++);
    writer.write(count, [{ bytes: bytesOf(Uint32Array.from(rows)), valid: null }, sample.data(rows)]);
  }
  expect(writer.rowCount).toBe(next);
  writer.flush();
  writer.close();
  return (await rowsOf(engine.session(), `SELECT i, ${sample.select} FROM ${table} ORDER BY i`)).map(([, value]) => value);
}

describe.each(samples)('$type', (sample) => {
  test.each([[[1]], [[2047]], [[2048]], [[2049]], [[2000, 0, 48, 1]], [[5000, 1]], [[1, 2046, 1, 2048]]])('in batches of %j', async (batches) => {
    const count = batches.reduce((sum, rows) => sum + rows, 0);
    const expected = Array.from({ length: count }, (_, i) => (isNull(i) ? null : sample.text(i)));
    expect(await written(sample, batches)).toEqual(expected);
  });
});

test('a NULL of one chunk does not show in the next', async () => {
  const writer = await TableWriter.create(engine.session(), 'chunks', [{ name: 'c', type: 'UTINYINT' }, { name: 'd', type: 'VARCHAR' }]);
  const valid = new Uint8Array(2048);
  writer.write(2048, [{ bytes: new Uint8Array(2048), valid }, { texts: new Array<null>(2048).fill(null) }]);
  writer.write(2048, [{ bytes: new Uint8Array(2048), valid: null }, { texts: new Array<string>(2048).fill('x') }]);
  writer.flush();
  expect(await rowsOf(engine.session(), 'SELECT count(*), count(c), count(d) FROM chunks')).toEqual([['4096', '2048', '2048']]);
});

test('rows are seen by others only after flush, and no staged row is written twice', async () => {
  const writer = await TableWriter.create(engine.session(), 'flushes', [{ name: 'c', type: 'UINTEGER' }]);
  const other = await engine.database().connect();
  const seen = async (): Promise<string | null> => (await rowsOf(other, 'SELECT count(*) FROM flushes'))[0][0];
  for (let round = 1; round <= 5; round++) {
    writer.write(1500, [{ bytes: new Uint8Array(6000), valid: null }]);
    writer.flush();
    writer.flush();
    expect(await seen()).toBe(String(round * 1500));
  }
  other.close();
});

describe('when DuckDB is out of memory', () => {
  test('writing goes on without error or loop, and whoever reads is told', async () => {
    const database = await Database.open({ memoryLimitBytes: 2 ** 25, threads: 1 });
    const session = await database.connect();
    const writer = await TableWriter.create(session, 'big', [{ name: 'c', type: 'UBIGINT' }]);
    const batch = 100_000;
    let failed = 0;
    for (let round = 0; round < 100; round++) {
      const random = BigUint64Array.from({ length: batch }, (_, i) => BigInt.asUintN(64, (big(i) ^ big(round * batch + 7)) * 0xbf58476d1ce4e5b9n));
      writer.write(batch, [{ bytes: bytesOf(random), valid: null }]);
      try {
        writer.flush();
      } catch (error) {
        failed++;
        expect(String(error)).toMatch(/^Error: rows of big are missing: .*could not allocate/s);
      }
    }
    expect(failed).toBeGreaterThan(10);
    expect(writer.rowCount).toBe(100 * batch);
    writer.close();
    await session.run('DROP TABLE big');
    const again = await TableWriter.create(session, 'small', [{ name: 'c', type: 'UBIGINT' }]);
    again.write(3000, [{ bytes: new Uint8Array(24_000), valid: null }]);
    again.flush();
    expect((await session.run('SELECT count(*) FROM small')).integer()).toBe(3000);
    session.close();
    database.close();
  });

  test('rowid numbers rows as they were written, over flushes and row groups', async () => {
    const session = engine.session();
    const writer = await TableWriter.create(session, 'numbered', [{ name: 'x', type: 'UINTEGER' }]);
    for (let round = 0, at = 0; round < 400; round++) {
      const count = 1 + (round * 7919) % 3000;
      writer.write(count, [{ bytes: bytesOf(Uint32Array.from({ length: count }, () => at++)), valid: null }]);
      if (round % 37 === 0) writer.flush();
    }
    writer.flush();
    expect(writer.rowCount).toBeGreaterThan(500_000);
    expect(await rowsOf(session, 'SELECT count(*)::INTEGER, count(*) FILTER (rowid <> x)::INTEGER FROM numbered')).toEqual([[String(writer.rowCount), '0']]);
    writer.close();
    await session.run('DROP TABLE numbered');
  });

  test('nothing is written to disk', async () => {
    expect(await rowsOf(engine.session(), "SELECT value FROM duckdb_settings() WHERE name = 'temp_directory'")).toEqual([['']]);
  });
});
