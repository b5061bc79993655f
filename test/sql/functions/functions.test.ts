import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { decodeInputProbability, encodeInputProbability } from '../../../src/sampling/input-probability.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
  await connection.run(`
    CREATE TABLE traces AS SELECT g, uuid() AS trace_id, 2.5 AS w,
      {'key': uuid(), 'r': (hash(g * 1000 + i) >> 8)::UBIGINT, 'n_in': 72057594037927936::UBIGINT} AS item
    FROM range(5) a(g), range(50) b(i);
    CREATE TABLE logs AS SELECT (r << 64) + (${encodeInputProbability(2n ** 54n)}::UHUGEINT << 32) + i AS id, (i % 3) AS g, 4.0 AS adjusted_count
    FROM (SELECT i::UHUGEINT AS i, ((hash(i) >> 10) + 54043195528445952)::UHUGEINT AS r FROM range(60) t(i));`);
});
afterAll(() => connection.closeSync());

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await connection.runAndReadAll(sql)).getRowsJS();
}

async function errorOf(sql: string): Promise<string> {
  return rows(sql).then(() => 'no error', (error: unknown) => String(error));
}

describe('results', () => {
  test('columns are named as the views call them', async () => {
    const of = async (sql: string): Promise<readonly string[]> => (await connection.runAndReadAll(sql)).columnNames();
    expect(await of('SELECT unnest(bottom_k(item, 3), recursive := true) FROM traces')).toEqual(['trace_id', 'probability']);
    expect(await of('SELECT unnest(bottom_k(id, 3), recursive := true) FROM logs')).toEqual(['id', 'probability']);
  });

  test('k of each group, kept by N <= N_x - 1 of the first excluded, but for what a double cannot hold', async () => {
    const found = await rows(`
      WITH picked AS (SELECT g, unnest(bottom_k(item, 10), recursive := true) FROM traces GROUP BY g),
           bound AS (SELECT g, min(72057594037927936 - item.r::BIGINT, 11)[11] AS n_x FROM traces GROUP BY g)
      SELECT p.g, count(*), count(DISTINCT probability), bool_and(72057594037927936 - t.item.r::BIGINT <= probability * pow(2, 56)),
             any_value(n_x - 1 - floor(probability * pow(2, 56))::BIGINT) BETWEEN 0 AND if(any_value(n_x) < pow(2, 53), 0, 32)
      FROM picked p JOIN traces t ON t.item."key" = p.trace_id JOIN bound ON bound.g = p.g GROUP BY p.g ORDER BY p.g`);
    expect(found).toEqual([0n, 1n, 2n, 3n, 4n].map((g) => [g, 10n, 1n, true, true]));
  });

  test('equal weights: the threshold is R + 1 of the first excluded, exactly', async () => {
    const [[probability]] = await rows(`SELECT (bottom_k({'key': i::UHUGEINT, 'r': (72057594037927936 - 1000003 * (i + 1))::UBIGINT,
      'n_in': 72057594037927936::UBIGINT}, 6))[1].probability FROM range(20) t(i)`);
    expect(Number(probability) * 2 ** 56).toBe(1000003 * 7 - 1);
  });

  test('fewer than k + 1 candidates keep what they came with', async () => {
    expect(await rows('SELECT DISTINCT s.probability FROM (SELECT unnest(bottom_k(item, 50)) AS s FROM traces GROUP BY g)')).toEqual([[1]]);
    expect(await rows('SELECT DISTINCT s.probability FROM (SELECT unnest(bottom_k(id, 5000)) AS s FROM logs GROUP BY g)')).toEqual([[0.25]]);
  });

  test('equal author values are bottom-k, by whatever count they came with', async () => {
    const [plain, three, two] = await Promise.all([
      'bottom_k(id, 7)', 'weighted_reservoir_sample(id, adjusted_count, 7)', 'weighted_reservoir_sample({id: id, input_weight: adjusted_count}, 7)',
    ].map((call) => rows(`SELECT id::VARCHAR, probability FROM (SELECT unnest(${call}, recursive := true) FROM logs GROUP BY g) ORDER BY ALL`)));
    expect(plain).toHaveLength(21);
    expect(three).toEqual(plain);
    expect(two).toEqual(plain);
  });

  test('row() and STRUCT forms carry an item too', async () => {
    expect(await rows('SELECT len(weighted_reservoir_sample(row(item, w), 4)) FROM traces')).toEqual([[4n]]);
  });

  test('NULL items are skipped, and a group without items gives NULL', async () => {
    expect(await rows('SELECT len(bottom_k(CASE WHEN g = 1 THEN item END, 100)) FROM traces')).toEqual([[50n]]);
    expect(await rows('SELECT len(weighted_reservoir_sample(CASE WHEN g = 1 THEN item END, CASE WHEN g = 1 THEN 1 END, 5)) FROM traces')).toEqual([[5n]]);
    expect(await rows('SELECT bottom_k(CASE WHEN g = 7 THEN item END, 3) FROM traces')).toEqual([[null]]);
  });

  test('within a read-only transaction', async () => {
    await connection.run('BEGIN TRANSACTION READ ONLY');
    expect(await rows('SELECT count(*) FROM (SELECT unnest(bottom_k(item, 3)) FROM traces GROUP BY g)')).toEqual([[15n]]);
    await connection.run('ROLLBACK');
  });

  test('a unit of more than k rows is named whole, with -min(1, k / rows of the group)', async () => {
    const found = await rows(`SELECT probability, count(*) FROM (SELECT unnest(bottom_k(item, 4), recursive := true) FROM
      (SELECT {'key': i::UHUGEINT, 'r': (if(i < 10, 5, i))::UBIGINT, 'n_in': 72057594037927936::UBIGINT} AS item FROM range(16) t(i)))
      GROUP BY ALL ORDER BY ALL`);
    expect(found[0]).toEqual([-4 / 16, 10n]);
    expect(found.slice(1).reduce((sum, [, count]) => sum + Number(count), 0)).toBe(4);
  });
});

describe('oversize', () => {
  const item = "{'key': i::UHUGEINT, 'r': (if(i < 10, 5, i))::UBIGINT, 'n_in': if(i < 10, 72057594037927936, 36028797018963968)::UBIGINT}";
  const of = (call: string): Promise<readonly (readonly unknown[])[]> => rows(`SELECT probability, count(*) FROM (SELECT unnest(${call}, recursive := true)
    FROM (SELECT ${item} AS item, i FROM range(16) t(i))) GROUP BY ALL ORDER BY ALL`);
  test("'keep' names its rows as they came, 'drop' not at all, beside a sample of the others", async () => {
    const dropped = await of("bottom_k(item, 4, oversize := 'drop')");
    expect(dropped.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(4);
    expect(await of("bottom_k(item, 4, oversize := 'keep')")).toEqual([...dropped, [1, 10n]]);
    expect(await of("bottom_k_every(item, 4, oversize := 'drop')")).toContainEqual([0, 10n]);
  });
  test('an item larger than the budget goes by oversize alone', async () => {
    expect((await of("budget_sample(item, if(i = 12, 100, 1), 20, oversize := 'drop')")).reduce((sum, [, count]) => sum + Number(count), 0)).toBe(15);
    expect((await of('budget_sample(item, if(i = 12, 100, 1), 20)'))[0]).toEqual([-20 / 115, 1n]);
  });
  test('oversize_rows counts them', async () => {
    expect(await rows(`SELECT oversize_rows(${item}, 1, 4), oversize_rows(${item}, if(i = 12, 100, 1), 20) FROM range(16) t(i)`)).toEqual([[10n, 1n]]);
  });
});

describe('one sample in several threads', () => {
  test('states that are merged, rows in any order: the same result', async () => {
    const many = await (await DuckDBInstance.create(':memory:', { threads: '4', preserve_insertion_order: 'false' })).connect();
    for (const { path } of sqlFunctionFiles()) await many.run(readFileSync(path, 'utf8'));
    const make = `CREATE TABLE big AS SELECT (hash(i) % 50)::INTEGER AS g, 1 + (hash(i * 3) % 9) AS w,
      {'key': i::UHUGEINT, 'r': (hash(i // 3) >> 8)::UBIGINT, 'n_in': 72057594037927936::UBIGINT} AS item FROM range(300000) t(i)`;
    for (const call of ['weighted_reservoir_sample(item, w, 30)', 'weighted_reservoir_sample_exp(item, w, 30)', 'weighted_budget_sample(item, w, w, 200)']) {
      const found = await Promise.all([connection, many].map(async (engine) => {
        await engine.run(make.replace('TABLE', 'OR REPLACE TABLE'));
        const reader = await engine.runAndReadAll(`SELECT id::VARCHAR, probability FROM (SELECT unnest(${call}, recursive := true) FROM big WHERE g < 5 GROUP BY g) ORDER BY ALL`);
        return reader.getRowsJS();
      }));
      expect(found[0].length).toBeGreaterThan(100);
      expect(found[1]).toEqual(found[0]);
    }
    many.closeSync();
  });
});

describe('errors', () => {
  test.each([
    ["bottom_k(item, 3, oversize := 'x')", /oversize must be 'split', 'keep' or 'drop', it is x/],
    ['budget_sample(item, 1.5, 10)', /a size must be a whole number from 0 to 2\^40, one is 1.5/],
    ['budget_sample(item, NULL, 10)', /a size is NULL/],
    ['budget_sample(item, 1, 0)', /a budget must be a number from 1 to 2\^53, it is 0/],
    ["weighted_reservoir_sample_exp(item, 'nan'::DOUBLE, 3)", /a weight must be positive and finite/],
    ['weighted_budget_sample(item, 0, 1, 3)', /a weight must be positive and finite/],
  ])('%s', async (call, message) => {
    expect(await errorOf(`SELECT ${call} FROM traces`)).toMatch(message);
  });
  test.each(['0', '-1', '2.5', 'NULL', '900001'])('k = %s', async (k) => {
    expect(await errorOf(`SELECT bottom_k(item, ${k}) FROM traces`)).toMatch(/sampling: k must be a whole number from 1 to 900000/);
  });
  test.each(['0', '-1', "'nan'::DOUBLE", "'inf'::DOUBLE", '1e200'])('weight %s', async (weight) => {
    expect(await errorOf(`SELECT weighted_reservoir_sample(item, ${weight}, 3) FROM traces`)).toMatch(/sampling: a weight must be positive and finite/);
  });
  test('weight NULL', async () => {
    expect(await errorOf('SELECT weighted_reservoir_sample(item, NULL, 3) FROM traces')).toMatch(/sampling: a weight is NULL/);
  });
});

describe('ids', () => {
  test('carry R and p_in to SQL as TypeScript wrote them', async () => {
    const inputs = [1n, 2n, 3n, 12345n, 2n ** 27n - 1n, 2n ** 27n, 2n ** 27n + 1n, 2n ** 40n - 1n, 2n ** 56n - 1n, 2n ** 56n, 24019198012642645n];
    for (const nIn of inputs) {
      const code = encodeInputProbability(nIn);
      const r = 2n ** 56n - nIn;
      const [[item]] = await rows(`SELECT item_of((${r}::UHUGEINT << 64) + (${code}::UHUGEINT << 32) + 77)::VARCHAR`);
      expect(item).toBe(`{'key': ${(r << 64n) + (BigInt(code) << 32n) + 77n}, 'r': ${r}, 'n_in': ${decodeInputProbability(code)}}`);
    }
  });
});

describe('speed', () => {
  test('a million rows in a thousand groups', async () => {
    await connection.run(`CREATE TABLE many AS SELECT i % 1000 AS g, 0.5 + (hash(i) % 100) / 100 AS w,
      {'key': uuid(), 'r': (hash(i) >> 8)::UBIGINT, 'n_in': 72057594037927936::UBIGINT} AS item FROM range(1000000) t(i)`);
    for (const call of ['bottom_k(item, 100)', 'weighted_reservoir_sample(item, w, 100)']) {
      const start = performance.now();
      expect(await rows(`SELECT count(*) FROM (SELECT unnest(${call}, recursive := true) FROM many GROUP BY g)`)).toEqual([[100_000n]]);
      const elapsedMs = performance.now() - start;
      console.log(`${call}: ${elapsedMs.toFixed(0)} ms`);
      expect(elapsedMs).toBeLessThan(5_000);
    }
    await connection.run('DROP TABLE many');
  });
});
