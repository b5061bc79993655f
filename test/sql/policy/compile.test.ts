import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import type { Database } from '../../../src/store/duckdb.ts';
import { createViews, openCompiler, openEngine, readsText } from './support.ts';

/** `reads` were written by hand from the text: what a careful reader would say that it needs. */
interface Golden {
  readonly about: string;
  readonly text: string;
  readonly reads: readonly string[];
  readonly keyKind: 'trace_id' | 'id';
  readonly hasSplit?: boolean;
  readonly sql?: string;
  readonly warns?: RegExp;
}

const realQuery = `
  WITH logs_with_existing_weights AS (
      SELECT l.id, ra.str AS service_name,
             COALESCE(CAST((SELECT la.str FROM log_attributes la
                            WHERE la.parent_id = l.id AND la.key = 'sampling.adjusted_count' LIMIT 1) AS DOUBLE),
                      1.0) AS input_weight
      FROM logs l JOIN resource_attributes ra ON l.id = ra.parent_id AND ra.key = 'service.name'
  )
  SELECT service_name, weighted_reservoir_sample(STRUCT(id, input_weight), 100) AS sample_decisions
  FROM logs_with_existing_weights GROUP BY service_name;`;

const goldens: readonly Golden[] = [
  {
    about: 'a rule and a sample of the rest',
    text: `SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error OR duration > INTERVAL 2 SECONDS
           UNION ALL
           SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 100), recursive := true) FROM traces GROUP BY root_service`,
    reads: ['traces(trace_id, item, duration, has_error, root_service, adjusted_count)'],
    keyKind: 'trace_id',
    hasSplit: true,
  },
  {
    about: 'the real query, word for word',
    text: realQuery,
    reads: ['logs(id)', 'log_attrs(parent_id, key, str; sampling.adjusted_count)', 'resource_attrs(parent_id, key, str; service.name)'],
    keyKind: 'id',
    hasSplit: true,
    warns: /ra\.parent_id is a resource_id, never an id/,
  },
  {
    about: 'keys of both bags, typed by the conventions',
    text: `SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['http.response.status_code'] >= 500 OR resource['service.name'] = 'x'`,
    reads: [`spans(trace_id; attributes['http.response.status_code'] BIGINT, resource['service.name'] VARCHAR)`],
    keyKind: 'trace_id',
    sql: `SELECT trace_id, 1.0 AS probability FROM spans WHERE ((attributes['k0'] >= 500) OR (resource['k1'] = 'x'))`,
  },
  {
    about: 'keys that differ by case are different keys',
    text: `SELECT id, 0.5 AS probability FROM spans s WHERE s.attributes['Route'] = 'a' AND s.attributes['route'] = 'b'`,
    reads: [`spans(id; attributes['Route'] VARCHAR, attributes['route'] VARCHAR)`],
    keyKind: 'id',
  },
  {
    about: 'a key read through two CTEs, and a cast that decides its type',
    text: `WITH a AS (SELECT trace_id, attributes FROM spans), b AS (SELECT * FROM a WHERE attributes['http.route'] = '/x')
           SELECT b.trace_id, 0.5 AS probability FROM b WHERE b.attributes['retry.count']::INTEGER > 3`,
    reads: [`spans(trace_id; attributes['http.route'] VARCHAR, attributes['retry.count'] BIGINT)`],
    keyKind: 'trace_id',
  },
  {
    about: 'a bag under another name, by alias and by column list',
    text: `WITH w(i, a) AS (SELECT id, attributes FROM logs), v AS (SELECT i, a AS b FROM w)
           SELECT i, 1.0 FROM v WHERE b['k'] = 'x' AND b['flag']::BOOLEAN`,
    reads: [`logs(id; attributes['k'] VARCHAR, attributes['flag'] BOOLEAN)`],
    keyKind: 'id',
  },
  {
    about: 'a header that declares types',
    text: `-- signal: traces\n-- attribute: queue.depth BIGINT\n-- resource: host.weight DOUBLE\nSELECT trace_id, 1.0 FROM spans
           WHERE attributes['queue.depth'] > 5 AND resource['host.weight'] < 0.5`,
    reads: [`spans(trace_id; attributes['queue.depth'] BIGINT, resource['host.weight'] DOUBLE)`],
    keyKind: 'trace_id',
  },
  {
    about: 'EXISTS over events and their attributes',
    text: `SELECT t.trace_id, 1 AS probability FROM traces t
           WHERE EXISTS (FROM span_events e WHERE e.trace_id = t.trace_id AND e.name = 'exception' AND e.attributes['exception.type'] LIKE 'Java%')`,
    reads: ['traces(trace_id)', `span_events(trace_id, name; attributes['exception.type'] VARCHAR)`],
    keyKind: 'trace_id',
  },
  {
    about: 'NOT IN and links',
    text: 'SELECT trace_id, 1.0 FROM traces WHERE trace_id NOT IN (SELECT linked_trace_id FROM span_links WHERE linked_trace_id IS NOT NULL)',
    reads: ['traces(trace_id)', 'span_links(linked_trace_id)'],
    keyKind: 'trace_id',
  },
  {
    about: 'a lateral join',
    text: `SELECT t.trace_id, 1.0 FROM traces t, LATERAL (SELECT max(duration) AS longest FROM spans s WHERE s.trace_id = t.trace_id) x
           WHERE x.longest > INTERVAL 1 SECOND`,
    reads: ['traces(trace_id)', 'spans(trace_id, duration)'],
    keyKind: 'trace_id',
  },
  {
    about: 'a window function and QUALIFY',
    text: 'SELECT trace_id, 0.1 AS probability FROM spans QUALIFY row_number() OVER (PARTITION BY service_name, name ORDER BY duration DESC) <= 5',
    reads: ['spans(trace_id, name, duration, service_name)'],
    keyKind: 'trace_id',
    warns: /1:56: row_number\(\) numbers equal rows in any order; rank\(\)/,
  },
  {
    about: 'a probability by window aggregate with a frame',
    text: `SELECT id, avg(CASE WHEN severity_number > 12 THEN 1.0 ELSE 0.0 END) OVER (PARTITION BY service_name ORDER BY time ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS probability FROM logs`,
    reads: ['logs(id, time, severity_number, service_name)'],
    keyKind: 'id',
  },
  {
    about: 'a star join with a list of keys',
    text: `SELECT s.trace_id, 1.0 AS probability FROM spans s, span_attrs a WHERE a.parent_id = s.id AND a.key IN ('x', 'y') AND a.int > 4`,
    reads: ['spans(id, trace_id)', 'span_attrs(parent_id, key, int; x, y)'],
    keyKind: 'trace_id',
  },
  {
    about: 'a star table from which every key counts',
    text: 'SELECT parent_id, 1.0 FROM log_attributes GROUP BY parent_id HAVING count(*) > 20',
    reads: ['log_attrs(parent_id; *)'],
    keyKind: 'id',
    warns: /log_attrs is read with all its keys/,
  },
  {
    about: 'a FILTER does not restrict the keys: other rows still make groups',
    text: `SELECT parent_id, 1.0 FROM span_attrs GROUP BY parent_id HAVING max(str) FILTER (WHERE key = 'x') IS NULL`,
    reads: ['span_attrs(parent_id, key, str; *)'],
    keyKind: 'id',
    warns: /all its keys/,
  },
  {
    about: 'the outer side of a join is not restricted by its ON',
    text: `SELECT a.parent_id, 1.0 FROM span_attrs a LEFT JOIN resource_attrs r ON a.key = 'x' AND r.key = 'y'`,
    reads: ['span_attrs(parent_id, key; *)', 'resource_attrs(key; y)'],
    keyKind: 'id',
    warns: /span_attrs is read/,
  },
  {
    about: 'an anti join restricts the table that it looks in',
    text: `SELECT t.trace_id, 1.0 FROM traces t ANTI JOIN (SELECT s.trace_id FROM spans s JOIN span_attrs a ON a.parent_id = s.id WHERE a.key = 'x' OR a.key = 'y') q USING (trace_id)`,
    reads: ['traces(trace_id)', 'spans(id, trace_id)', 'span_attrs(parent_id, key; x, y)'],
    keyKind: 'trace_id',
  },
  {
    about: 'columns that only a filter or an ORDER BY inside reads',
    text: 'SELECT trace_id, 1.0 FROM (SELECT trace_id FROM spans WHERE kind = 2 ORDER BY end_time LIMIT 5)',
    reads: ['spans(trace_id, kind, end_time)'],
    keyKind: 'trace_id',
  },
  {
    about: 'a column that a CTE names in vain must exist, but a star asks for nothing',
    text: `WITH a AS (SELECT trace_id, name AS unused FROM spans), b AS (SELECT * FROM traces WHERE span_count > 5) SELECT b.trace_id, 1.0 FROM a JOIN b USING (trace_id)`,
    reads: ['traces(trace_id, span_count)', 'spans(trace_id, name)'],
    keyKind: 'trace_id',
  },
  {
    about: 'count(*) alone',
    text: 'SELECT trace_id, 1.0 / (SELECT count(*) + 1 FROM spans) AS probability FROM traces',
    reads: ['traces(trace_id)', 'spans(id)'],
    keyKind: 'trace_id',
  },
  {
    about: 'SELECT *, of which only the named ones are read',
    text: 'SELECT *, 1.0 AS probability FROM traces WHERE service_count > 3',
    reads: ['traces(trace_id, service_count)'],
    keyKind: 'trace_id',
  },
  {
    about: 'adjusted counts in place of probabilities',
    text: 'SELECT trace_id, greatest(adjusted_count, 10) AS adjusted_count FROM traces',
    reads: ['traces(trace_id, adjusted_count)'],
    keyKind: 'trace_id',
  },
  {
    about: 'an input count returned as it came',
    text: 'SELECT trace_id, adjusted_count FROM traces',
    reads: ['traces(trace_id, adjusted_count)'],
    keyKind: 'trace_id',
    warns: /1:18: adjusted_count as it came/,
  },
  {
    about: 'hex digits as key, hex() of a trace id, two columns of one name',
    text: 'SELECT hex(s.trace_id) AS trace_id, t.trace_id, 1.0 AS probability FROM spans s JOIN traces t USING (trace_id)',
    reads: ['traces(trace_id)', 'spans(trace_id)'],
    keyKind: 'trace_id',
  },
  {
    about: 'picks as one struct a row',
    text: 'SELECT service_name, unnest(bottom_k(item, 10)) AS pick FROM logs GROUP BY service_name',
    reads: ['logs(item, service_name)'],
    keyKind: 'id',
    hasSplit: true,
  },
  {
    about: 'set operations, GROUP BY ALL, VALUES, literals of every kind',
    text: `(SELECT id, 1.0 AS probability FROM logs JOIN (VALUES ('a'), ('b')) v(word) ON body = v.word
            EXCEPT SELECT id, 1.0 FROM logs WHERE time_unix_nano > 18446744073709551615 AND time > TIMESTAMP '2024-01-01')
           UNION ALL SELECT id, max(0.25) FROM logs WHERE body ->> '$.a' = 'x' AND TRUE AND 1e22 > 170141183460469231731687303715884105727 GROUP BY ALL`,
    reads: ['logs(id, time, time_unix_nano, body)'],
    keyKind: 'id',
  },
  {
    about: 'doubles stay doubles, of any size and sign',
    text: 'SELECT id, 1e-3 AS probability FROM spans WHERE duration_time_unix_nano > 1e9 AND adjusted_count < 1.5e300 AND -2e0 < kind AND 1e3 < 0.1',
    reads: ['spans(id, kind, duration_time_unix_nano, adjusted_count)'],
    keyKind: 'id',
    sql: `SELECT id, CAST('0.001' AS DOUBLE) AS probability FROM spans WHERE ((duration_time_unix_nano > CAST('1000000000' AS DOUBLE)) AND `
      + `(adjusted_count < CAST('1.5e+300' AS DOUBLE)) AND (CAST('-2' AS DOUBLE) < kind) AND (CAST('1000' AS DOUBLE) < 0.1))`,
  },
  {
    about: 'a star without some columns, and with others replaced',
    text: `SELECT t.* EXCLUDE (adjusted_count) REPLACE (upper(root_name) AS root_name), 0.5 AS probability FROM traces t`,
    reads: ['traces(trace_id, root_name, adjusted_count)'],
    keyKind: 'trace_id',
  },
  {
    about: 'a star whose number of columns matters',
    text: `SELECT trace_id, 1.0 FROM (SELECT * EXCLUDE (attributes) FROM span_links
             UNION ALL SELECT id, parent_id, trace_id, linked_trace_id, linked_span_id, trace_state, flags FROM span_links)`,
    reads: ['span_links(id, parent_id, trace_id, linked_trace_id, linked_span_id, trace_state, flags)'],
    keyKind: 'trace_id',
  },
  {
    about: 'a LIMIT that picks',
    text: 'SELECT trace_id, 1.0 FROM traces LIMIT 5',
    reads: ['traces(trace_id)'],
    keyKind: 'trace_id',
    warns: /1:40: LIMIT picks rows without a chance that is known/,
  },
];

let compiler: PolicyCompiler;
let engine: Database;

beforeAll(async () => {
  compiler = await openCompiler();
  engine = await openEngine();
});

afterAll(() => {
  compiler.close();
  engine.close();
});

describe('policies compile to what a careful reader would say', () => {
  test.each(goldens)('$about', async ({ text, reads, keyKind, hasSplit = false, sql, warns }) => {
    const policy = await compiler.compile('p', text);
    expect(readsText(policy)).toEqual(reads);
    expect({ keyKind: policy.keyKind, hasSplit: policy.hasSplit }).toEqual({ keyKind, hasSplit });
    if (sql !== undefined) expect(policy.sql).toBe(sql);
    if (warns === undefined) expect(policy.warnings).toEqual([]);
    else expect(policy.warnings.join('\n')).toMatch(warns);
  });

  test.each(goldens)('runs on views with just what it reads: $about', async ({ text, keyKind }) => {
    const policy = await compiler.compile('p', text);
    const session = await engine.connect();
    await createViews(session, policy, 50);
    await session.run(`EXPLAIN ${policy.sql}`);
    const columns = (await session.api.runAndReadAll(`DESCRIBE ${policy.wrappedSql}`)).getRows().map(([name, type]) => `${String(name)} ${String(type)}`);
    expect(columns).toEqual([`k ${keyKind === 'id' ? 'UHUGEINT' : 'UUID'}`, 'n UBIGINT', ...(policy.hasSplit ? ['split BOOLEAN'] : [])]);
    await session.run(policy.wrappedSql);
    session.close();
  });
});

test('the real query names its struct after the columns and reads the star tables by their own names', async () => {
  const { sql } = await compiler.compile('p', realQuery);
  expect(sql).toContain('struct_pack(id := id, input_weight := input_weight)');
  expect(sql).toContain('FROM log_attrs AS la');
});

describe('the ready policies', () => {
  const directory = new URL('../../../sql/policies/', import.meta.url);
  test.each(readdirSync(directory).filter((file) => file.endsWith('.sql')))('%s compiles without a warning', async (file) => {
    const policy = await compiler.compile(file, readFileSync(new URL(file, directory), 'utf8'));
    expect(policy.warnings).toEqual([]);
  });
});

test('every example of docs/policies.md compiles', async () => {
  const text = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');
  const blocks = text.split(/\n\n(?! {4})/).flatMap((part) => part.split(/\n\n/)).filter((block) => /^ {4}(--|SELECT|WITH)/.test(block) && block.includes('SELECT') && !block.includes(' ...'));
  expect(blocks.length).toBeGreaterThanOrEqual(3);
  const real = await PolicyCompiler.create(sqlFunctionFiles());
  for (const block of blocks) expect((await real.compile('example', block.replaceAll(/^ {4}/gm, ''))).warnings).toEqual([]);
  real.close();
});
