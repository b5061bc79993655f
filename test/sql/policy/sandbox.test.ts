import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { openCompiler, openEngine, refusalOf } from './support.ts';

/** An attack, and what must be said of it. Each got through, or would, on DuckDB with settings alone. */
type Attack = readonly [text: string, message: RegExp];

/** `SELECT trace_id, 1.0 FROM traces WHERE <condition>`. */
function where(condition: string): string {
  return `SELECT trace_id, 1.0 FROM traces WHERE ${condition}`;
}

const statements: readonly Attack[] = [
  ["ATTACH 'x.db'", /one SELECT/],
  ["COPY traces TO 'x.csv'", /one SELECT/],
  ["COPY (SELECT 1) TO 'x.csv'", /one SELECT/],
  ['INSTALL httpfs', /one SELECT/],
  ['LOAD httpfs', /one SELECT/],
  ['SET memory_limit = 1', /one SELECT/],
  ['RESET threads', /one SELECT/],
  ['PRAGMA database_list', /one SELECT/],
  ['PRAGMA enable_profiling', /one SELECT/],
  ['CALL enable_logging()', /one SELECT/],
  ['CREATE TABLE t AS SELECT 1', /one SELECT/],
  ['CREATE MACRO f() AS 1', /one SELECT/],
  ['CREATE SEQUENCE s', /one SELECT/],
  ['INSERT INTO traces VALUES (1)', /one SELECT/],
  ['DELETE FROM traces', /one SELECT/],
  ['UPDATE traces SET span_count = 1', /one SELECT/],
  ['DROP VIEW traces', /one SELECT/],
  ['MERGE INTO traces USING spans ON true WHEN MATCHED THEN DELETE', /one SELECT/],
  ['BEGIN TRANSACTION', /one SELECT/],
  ['ROLLBACK', /one SELECT/],
  ['CHECKPOINT', /one SELECT/],
  ['VACUUM', /one SELECT/],
  ["EXPORT DATABASE 'x'", /one SELECT/],
  ['PREPARE v AS SELECT 1', /one SELECT/],
  ['EXECUTE v', /one SELECT/],
  ['EXPLAIN ANALYZE SELECT 1', /one SELECT/],
  ['USE memory', /one SELECT/],
  ['', /one SELECT/],
  ['-- nothing', /one SELECT/],
  ['SELECT trace_id, 1.0 FROM traces; SELECT 2', /2 statements/],
  ['SELECT trace_id, 1.0 FROM traces; ROLLBACK', /one SELECT/],
  ['SELECT trace_id, 1.0 INTO copy FROM traces', /one SELECT/],
  ['SELECT trace_id, 1.0 FROM traces FOR UPDATE', /one SELECT/],
  ['WITH x AS (INSERT INTO traces VALUES (1) RETURNING *) SELECT * FROM x', /one SELECT/],
  ['WITH x AS (DELETE FROM traces RETURNING *) SELECT * FROM x', /one SELECT/],
  [where('span_count = $1'), /parameters/],
  [where('span_count = ?'), /parameters/],
  [where('span_count = $n'), /parameters/],
  ['DESCRIBE traces', /DESCRIBE|one SELECT/],
  ['SHOW TABLES', /DESCRIBE|one SELECT/],
  ['SUMMARIZE traces', /DESCRIBE|one SELECT/],
  ['SELECT * FROM (DESCRIBE traces)', /DESCRIBE/],
  ['SELECT trace_id, 1.0 FROM', /syntax error/],
];

const tables: readonly Attack[] = [
  ["SELECT * FROM 'secrets.csv'", /there is no view secrets\.csv/],
  ['SELECT * FROM "https://example.org/x.parquet"', /there is no view/],
  ["SELECT * FROM read_csv('x')", /reads files/],
  ["SELECT * FROM read_text('x')", /reads files/],
  ["SELECT * FROM read_blob('x')", /reads files/],
  ["SELECT * FROM read_parquet('x')", /reads files/],
  ["SELECT * FROM parquet_scan('x')", /reads files/],
  ["SELECT * FROM read_json_auto('x')", /reads files/],
  ["SELECT * FROM read_duckdb('x')", /reads files/],
  ["SELECT * FROM sniff_csv('x')", /reads files/],
  ["SELECT * FROM glob('/*')", /reads files/],
  ["SELECT * FROM query('SELECT 1')", /runs text as a query/],
  ["SELECT * FROM query_table('duckdb_settings')", /runs text as a query/],
  ["SELECT * FROM json_execute_serialized_sql('{}')", /runs text as a query/],
  ["SELECT * FROM enable_logging('QueryLog')", /changes something outside/],
  ['SELECT * FROM enable_profiling()', /changes something outside/],
  ['SELECT * FROM checkpoint()', /changes something outside/],
  ['SELECT * FROM truncate_duckdb_logs()', /changes something outside/],
  ['SELECT * FROM duckdb_logs()', /catalog/],
  ['SELECT * FROM duckdb_settings()', /catalog/],
  ['SELECT * FROM duckdb_secrets()', /catalog/],
  ['SELECT * FROM duckdb_memory()', /catalog/],
  ['SELECT * FROM pragma_database_size()', /catalog/],
  ["SELECT * FROM pragma_table_info('traces')", /catalog/],
  ["SELECT * FROM seq_scan('traces')", /catalog/],
  ['SELECT * FROM test_all_types()', /any size/],
  ["SELECT * FROM repeat('x', 10)", /any size/],
  ["SELECT * FROM json_each('[1]')", /any size/],
  ['SELECT * FROM icu_calendar_names()', /reads the session/],
  ['SELECT * FROM duckdb_tables', /there is no view duckdb_tables/],
  ['SELECT * FROM sqlite_master', /there is no view sqlite_master/],
  ['SELECT * FROM pg_class', /there is no view/],
  ['SELECT * FROM information_schema.tables', /information_schema\.tables is not a view of the window/],
  ['SELECT * FROM main.traces', /main\.traces is not a view of the window; write traces alone/],
  ['SELECT * FROM temp.traces', /not a view of the window/],
  ['SELECT * FROM system.main.duckdb_settings', /not a view of the window/],
  ['SELECT * FROM pg_catalog.pg_class', /not a view of the window/],
  ['SELECT * FROM slot_3_spans', /there is no view/],
  [where('EXISTS (SELECT 1 FROM (WITH slot_1 AS (FROM spans) FROM slot_1)) AND EXISTS (FROM slot_1)'), /there is no view slot_1/],
  ['WITH a AS (FROM b), b AS (FROM traces) SELECT trace_id, 1.0 FROM a', /there is no view b/],
  ['WITH a AS (FROM a) SELECT trace_id, 1.0 FROM a', /there is no view a/],
  ['WITH traces AS (SELECT 1) SELECT * FROM traces', /hides the view/],
  ['WITH log_attributes AS (SELECT 1) SELECT * FROM logs', /hides the view/],
  ['WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n, 1.0 FROM r', /recursive CTE/],
  ['WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r) SELECT n, 1.0 FROM r', /recursive CTE/],
  ['SELECT trace_id, 1.0 FROM traces AT (VERSION => 1)', /time travel/],
  ['SELECT trace_id, 1.0 FROM traces USING SAMPLE 10%', /SAMPLE draws fresh chance.*bottom_k/],
  ['SELECT trace_id, 1.0 FROM traces TABLESAMPLE RESERVOIR(5)', /SAMPLE draws fresh chance.*bottom_k/],
  ['SELECT trace_id, 1.0 FROM traces NATURAL JOIN spans', /NATURAL JOIN/],
  ['SELECT trace_id, 1.0 FROM traces POSITIONAL JOIN spans', /POSITIONAL JOIN/],
  ['SELECT * FROM (PIVOT traces ON root_service IN (1) USING count(*))', /PIVOT/],
  ['SELECT trace_id, 1.0 FROM traces, range(1000000000)', /range\(\) needs whole constants and at most 10000 values/],
  ['SELECT trace_id, 1.0 FROM traces, generate_series(-5000, 5001)', /at most 10000/],
  ['SELECT trace_id, 1.0 FROM traces t, range(t.span_count)', /whole constants/],
  ['SELECT trace_id, 1.0 FROM traces, range((SELECT count(*) FROM spans))', /whole constants/],
];

const functions: readonly Attack[] = [
  ['SELECT trace_id, random() FROM traces', /random\(\) draws fresh chance.*bottom_k/],
  [where('random() < 0.1'), /1:40: random\(\) draws fresh chance/],
  [where('uuid() IS NOT NULL'), /fresh chance/],
  [where('gen_random_uuid() IS NOT NULL'), /fresh chance/],
  [where('setseed(0.5) IS NULL'), /fresh chance/],
  [where('hash(trace_id) % 10 = 0'), /no threshold describes.*bottom_k/],
  [where("md5(root_service) < '8'"), /no threshold describes/],
  [where('start_time > now()'), /reads the clock/],
  [where('start_time > current_timestamp'), /reads the clock/],
  [where('start_time::DATE = current_date'), /reads the clock/],
  [where('start_time::DATE = today()'), /reads the clock/],
  [where("age(start_time::TIMESTAMP) > INTERVAL 1 DAY"), /reads the clock/],
  [where("get_current_timestamp() IS NULL"), /reads the clock/],
  [where("current_user = 'duckdb'"), /session/],
  [where("user = 'duckdb'"), /session/],
  [where("current_setting('threads') = '1'"), /session/],
  [where("getenv('HOME') = ''"), /session/],
  [where("getvariable('x') = ''"), /session/],
  [where('current_query() IS NULL'), /session/],
  [where('version() IS NULL'), /session/],
  [where('txid_current() = 1'), /session/],
  [where("nextval('s') = 1"), /changes something outside/],
  [where("currval('s') = 1"), /changes something outside/],
  [where("write_log('x') IS NULL"), /changes something outside/],
  [where('sleep_ms(100000) IS NULL'), /changes something outside/],
  [where('pg_sleep(100) IS NULL'), /changes something outside/],
  [where("json_serialize_sql('SELECT 1') IS NULL"), /runs text/],
  [where("json_deserialize_sql('{}') IS NULL"), /runs text/],
  [where("list_aggregate([1], 'sum') = 1"), /runs text/],
  [where("error('x') IS NULL"), /on purpose/],
  [where("length(repeat('x', 1000000000)) > 1"), /any size/],
  [where("length(lpad('x', 1000000000, 'y')) > 1"), /constant length of at most 1000/],
  [where("length(rpad('x', span_count::INTEGER, 'y')) > 1"), /constant length/],
  [where("printf('%1000000000d', 1) = ''"), /any size/],
  [where("format('{:>1000000000}', 'x') = ''"), /any size/],
  [where('bar(span_count, 0, 1, 1000000000) IS NULL'), /any size/],
  [where('len(list_resize([1], 1000000000)) > 1'), /any size/],
  [where('len(range(1000000000)) > 1'), /at most 10000/],
  [where('len(generate_series(1, 10, 0)) > 1000'), /whole constants/],
  [where('list_reduce(range(100), lambda a, b: a + b) > 1'), /cannot be interrupted/],
  [where('list_reduce(range(100000000), (a, b) -> a + b) > 1'), /cannot be interrupted/],
  [where('len(list_transform(services, s -> s)) > 1'), /cannot be interrupted/],
  [where('len([x FOR x IN services IF x > 1]) > 1'), /cannot be interrupted/],
  [where('len(list_filter(services, s -> true)) > 1'), /cannot be interrupted/],
  [where('memory.main.abs(1) = 1'), /catalog is refused/],
  [where('pg_catalog.abs(1) = 1'), /refused/],
  [where('split_half(item) IS NULL'), /not on the list/],
  [where('has_table_privilege(1, 2)'), /catalog/],
  [where('upperr(root_name) = 1'), /upperr\(\) is not on the list.*did you mean upper/],
  [where('__internal_compress_integral_utinyint(1, 2) = 1'), /refused|session|not on the list/],
  [where('rowid = 1'), /views have no rowid/],
  [where('TRY(span_count / 0) = 1'), /TRY hides errors/],
  [where("root_name COLLATE nocase = 'x'"), /COLLATE/],
  [where("root_name::JSON = 'x'"), /a cast to JSON|a cast to json/],
  [where("root_name::my_type = 'x'"), /a cast to my_type/],
  [where("root_name::ENUM('a') = 'a'"), /a cast to/],
  ['SELECT COLUMNS(*), 1.0 FROM traces', /COLUMNS/],
  ['SELECT COLUMNS(c -> true), 1.0 FROM traces', /COLUMNS/],
  ['SELECT #1, 1.0 FROM traces', /positional reference/],
  ['SELECT * RENAME (trace_id AS id), 1.0 FROM traces', /RENAME/],
];

/** A column that every query joins to itself. */
function doubled(depth: number): string {
  return depth === 0 ? 'SELECT trace_id, root_name AS x FROM traces' : `SELECT trace_id, x || x || x || x AS x FROM (${doubled(depth - 1)})`;
}

const sizes: readonly Attack[] = [
  [where(`length(replace('${'a'.repeat(2_000)}', 'a', '${'b'.repeat(2_000)}')) > 1`), /may grow to 2000 times/],
  [where(`length(replace(replace(replace(root_name, 'a', 'bbbbbbbbbbbb'), 'b', 'cccccccccccc'), 'c', 'dddddddddddd')) > 1`), /may grow to 1728 times/],
  [where(`length(regexp_replace(root_name, '.', '${'\\\\0'.repeat(500)}', 'g')) > 1`), /may grow/],
  [where('length(replace(root_name, root_service, root_name)) > 1'), /constant text/],
  [where('length(array_to_string(services, root_name)) > 1'), /constant text/],
  [`SELECT trace_id, 1.0 FROM (${doubled(5)}) WHERE x = ''`, /may grow to 1024 times/],
  [`WITH a AS (SELECT trace_id, ${Array(40).fill('root_name').join(' || ')} AS x FROM traces), b AS (SELECT trace_id, ${Array(40).fill('x').join(' || ')} AS x FROM a)
    SELECT trace_id, 1.0 FROM b WHERE x = ''`, /may grow to/],
  [`SELECT trace_id, 1.0 FROM traces WHERE root_name = '${'x'.repeat(70_000)}'`, /at most 65536/],
  [`${'SELECT * FROM ('.repeat(30)}SELECT trace_id, 1.0 FROM traces${')'.repeat(30)}`, /nested deeper than 16/],
  [`SELECT trace_id, 1.0 FROM traces JOIN (VALUES ${Array.from({ length: 1_001 }, (_, row) => `(${row})`).join(',')}) v(n) ON n = span_count`, /more than 1000 rows/],
  ['SELECT trace_id, 1.0 FROM traces\0', /NUL/],
];

const letters = 'a'.repeat(100);

/** Work that no interrupt ends, on telemetry of any kind: 7 wildcards on 100 letters took longer than anybody waited. */
const work: readonly Attack[] = [
  [where(`'${letters}' LIKE '%a%a%a_%a%a%a%b'`), /may take for ever.*regexp_matches/],
  [where("root_name LIKE '%a_%b%'"), /may take for ever/],
  [where("root_name NOT LIKE '%a_%b%'"), /may take for ever/],
  [where("root_name ILIKE '%a_%b%'"), /may take for ever/],
  [where("root_name NOT ILIKE '%a_%b%'"), /may take for ever/],
  [where("root_name GLOB '*a*a*b'"), /one \* is allowed/],
  [where("root_name LIKE '%a%b%' ESCAPE '!'"), /may take for ever/],
  [where("root_name NOT LIKE '%a%b%' ESCAPE '!'"), /may take for ever/],
  [where("root_name ILIKE '%a%b%' ESCAPE '!'"), /may take for ever/],
  [where("root_name NOT ILIKE '%a%b%' ESCAPE '!'"), /may take for ever/],
  [where('root_name LIKE root_service'), /constant text; starts_with/],
  [where('root_name ILIKE root_service'), /constant text/],
  [where('root_name GLOB root_service'), /constant text/],
  [where("root_name LIKE '%' || root_service || '%'"), /constant text/],
  [where('regexp_matches(root_name, root_service)'), /regular expression must be a constant/],
  [where('root_name SIMILAR TO root_service'), /regular expression must be a constant/],
  [where('root_name ~ root_service'), /regular expression must be a constant/],
  [where("regexp_replace(root_name, root_service, 'x') = ''"), /regular expression must be a constant/],
  [where('len(regexp_extract_all(root_name, root_service)) > 1'), /regular expression must be a constant/],
  [where('len(string_split_regex(root_name, root_service)) > 1'), /regular expression must be a constant/],
  [where("levenshtein(root_name, 'x') < 3"), /levenshtein\(\) needs texts of at most 1000.*left\(x, 200\)/],
  [where("levenshtein(left(root_name, 100000), 'x') < 3"), /at most 1000/],
  [where(`levenshtein('${'x'.repeat(1_001)}', 'x') < 3`), /at most 1000/],
  [where("damerau_levenshtein(root_name, 'x') < 3"), /any size/],
  [where("editdist3(root_name, 'x') < 3"), /any size/],
  [where(`length(${'hex('.repeat(10)}root_name${')'.repeat(10)}) > 1`), /may grow to 1024 times/],
  [where(`length(${'regexp_escape('.repeat(10)}root_name${')'.repeat(10)}) > 1`), /may grow to 1024 times/],
  [where(`length(${'url_encode('.repeat(7)}root_name${')'.repeat(7)}) > 1`), /may grow to 2187 times/],
  [`WITH a AS (SELECT trace_id, ARRAY[${Array(40).fill('root_name').join(',')}] AS x FROM traces), b AS (SELECT trace_id, ARRAY[${Array(40).fill('x').join(',')}] AS y FROM a)
    SELECT trace_id, 1.0 FROM b WHERE y IS NULL`, /may grow to/],
  ['SELECT trace_id, 1.0 FROM (SELECT trace_id, list(root_name) OVER (ORDER BY duration) AS l FROM traces) WHERE len(l) > 1', /copy of all rows of its frame/],
  ['SELECT trace_id, 1.0 FROM traces QUALIFY length(string_agg(root_name) OVER (ORDER BY duration)) > 1', /copy of all rows of its frame/],
  [where('len(to_json(to_json(root_name))) > 1'), /writes documents/],
  [where("json_object('a', root_name) IS NULL"), /writes documents/],
  [where('to_binary(root_name) IS NULL'), /any size/],
];

/** Ways around names. */
const disguises: readonly Attack[] = [
  [where('"random"() < 0.1'), /fresh chance/],
  [where('RaNdOm() < 0.1'), /fresh chance/],
  [where('main.random() < 0.1'), /fresh chance/],
  [where('system.main.random() < 0.1'), /fresh chance/],
  [where('random/**/() < 0.1'), /fresh chance/],
  [where('r\u0430ndom() < 0.1'), /not on the list/],
  [where('random\u200b() < 0.1'), /fresh chance|not on the list|syntax/],
  [where('\uff52andom() < 0.1'), /not on the list/],
  ['SELECT trace_id, 1.0 FROM "traces\u200b"', /there is no view/],
  ['FROM duckdb_settings()', /catalog/],
  ['FROM read_text(\'x\') SELECT *', /reads files/],
  ["SELECT trace_id, 1.0 FROM traces, LATERAL (SELECT * FROM read_csv('x'))", /reads files/],
  ["SELECT trace_id, (SELECT max(content) FROM read_text('x')) FROM traces", /reads files/],
  ["SELECT trace_id, 1.0 FROM traces ORDER BY (SELECT 1 FROM glob('*'))", /reads files/],
  ["SELECT trace_id, 1.0 FROM traces LIMIT (SELECT count(*) FROM duckdb_tables())", /catalog/],
  ["SELECT trace_id, 1.0 FROM traces GROUP BY ALL HAVING (SELECT true FROM query('SELECT 1'))", /runs text/],
  ["SELECT trace_id, 1.0 FROM traces QUALIFY rank() OVER (ORDER BY nextval('s')) = 1", /changes something outside/],
  ["SELECT trace_id, sum(1) FILTER (WHERE getenv('HOME') = '') FROM traces GROUP BY 1", /session/],
  ["SELECT trace_id, list(1 ORDER BY random()) FROM traces GROUP BY 1", /fresh chance/],
  ["SELECT trace_id, 1.0 FROM traces t JOIN spans s ON random() < 0.5", /fresh chance/],
  ["SELECT trace_id, CASE random() WHEN 0.5 THEN 1.0 ELSE 0.0 END AS probability FROM traces", /fresh chance/],
  ["SELECT trace_id, COALESCE(getvariable('p'), 1.0) AS probability FROM traces", /session/],
  ["SELECT trace_id, 1.0 FROM (VALUES (random())) v(x), traces", /fresh chance/],
  ["SELECT * REPLACE (random() AS span_count), 1.0 AS probability FROM traces", /fresh chance/],
  ['SELECT DISTINCT ON (random()) trace_id, 1.0 AS probability FROM traces', /fresh chance/],
  ["SELECT trace_id, 1.0 FROM traces WHERE root_name IN (SELECT value FROM duckdb_settings())", /catalog/],
  ["SELECT trace_id, 1.0 FROM traces WHERE (root_name).random()", /fresh chance/],
  ["SELECT trace_id, 1.0 FROM traces WHERE root_name.md5() < '8'", /root_name\.md5\(\) is refused/],
  ['WITH "random" AS (SELECT 1 AS x) SELECT trace_id, random() FROM traces', /fresh chance/],
  ['WITH bottom_k AS MATERIALIZED (SELECT * FROM sqlite_master) SELECT trace_id, 1.0 FROM traces', /there is no view sqlite_master/],
  ['CREATE OR REPLACE MACRO bottom_k(a, b) AS 1', /one SELECT/],
  ['CREATE TEMP VIEW traces AS SELECT 1', /one SELECT/],
  ["SELECT trace_id, 1.0 FROM traces;SET memory_limit='1TB'", /2 statements|one SELECT/],
  ["SELECT trace_id, 1.0 FROM traces; -- x\nATTACH 'y.db'", /2 statements|one SELECT/],
  ['SELECT trace_id, 1.0 FROM traces /* ; */; DROP TABLE x', /one SELECT/],
  ["SELECT trace_id, 1.0 FROM 's3://bucket/x.parquet'", /there is no view/],
  ["SELECT trace_id, 1.0 FROM 'file:/etc/passwd'", /there is no view/],
  ["SELECT trace_id, 1.0 FROM read_parquet(['http://127.0.0.1/x'])", /reads files/],
  ["PIVOT traces ON root_service USING count(*)", /PIVOT|one SELECT/],
  ['FROM traces SELECT trace_id, 1.0 WHERE seq_scan(1)', /catalog/],
  ["SELECT trace_id, 1.0 FROM traces WHERE $$x$$ = current_setting($$threads$$)", /session/],
  ["SELECT trace_id, 1.0 FROM traces WHERE E'\\x72andom' = version()", /session/],
];

let compiler: PolicyCompiler;

beforeAll(async () => {
  compiler = await openCompiler();
});

afterAll(() => {
  compiler.close();
});

describe.each([['statement', statements], ['table', tables], ['function or syntax', functions], ['size', sizes], ['work', work], ['disguise', disguises]] as const)('%s refused', (_, attacks) => {
  test.each(attacks.map(([text, message]) => ({ text, message, title: text.slice(0, 100) })))('$title', async ({ text, message }) => {
    const refusal = await refusalOf(compiler, text);
    expect(refusal.message).toMatch(message);
    expect(refusal.message.length).toBeLessThan(700);
  });
});

test('deep nesting of expressions ends in an error, not in the end of the process', async () => {
  const refusal = await refusalOf(compiler, where(`${'('.repeat(20_000)}1${')'.repeat(20_000)} = 1`));
  expect(refusal.name).toBe('PolicyError');
  const chain = await refusalOf(compiler, where(`${'NOT '.repeat(5_000)}has_error`));
  expect(chain.name).toBe('PolicyError');
});

test('what grows a little is allowed', async () => {
  const text = `WITH a AS (SELECT trace_id, root_service || '/' || root_name AS x FROM traces)
    SELECT trace_id, 1.0 FROM a WHERE regexp_replace(regexp_replace(x, '[0-9]+', '<number>', 'g'), '[a-f]+-', '<id>', 'g') || x = 'y'`;
  expect((await compiler.compile('p', text)).keyKind).toBe('trace_id');
});

test('the compiler works on after all that', async () => {
  expect((await compiler.compile('p', where('has_error'))).keyKind).toBe('trace_id');
});

test('ILIKE is LIKE of lower-case texts, and says the same', async () => {
  const engine = await openEngine();
  const session = await engine.connect();
  const texts = ["'Straße'", "'STRASSE'", "'İstanbul'", "'ΑΣ'", "'ας'", "'a%b'", "''", 'NULL', "'Grüße, WELT'"];
  const patterns = ['%ss%', 'i%', '%σ', 'α%', '%GRÜSSE%', 'grüße%welt', '', '%', 'a\\%b'];
  for (const pattern of patterns) {
    const policy = await compiler.compile('p', `SELECT trace_id, 1.0 FROM traces WHERE root_name ILIKE '${pattern}' AND root_service NOT ILIKE '${pattern}'`);
    expect(policy.sql).not.toMatch(/ilike|~~\*/i);
    for (const text of texts) {
      const [theirs, ours] = [`${text} ILIKE '${pattern}'`, `lower(${text}) LIKE lower('${pattern}')`];
      const [row] = (await session.api.runAndReadAll(`SELECT ${theirs}, ${ours}`)).getRows();
      expect([text, pattern, row[1]]).toEqual([text, pattern, row[0]]);
    }
  }
  session.close();
  engine.close();
});

test('patterns and distances that are bounded are allowed', async () => {
  for (const condition of ["root_name LIKE '%a%b%c%'", "root_name ILIKE '%a%b%c%'", "root_name LIKE '%a_b%'", "root_name GLOB '/api/*'", "root_name SIMILAR TO 'a.*b.*'",
    "levenshtein(left(root_name, 200), 'GET /checkout') < 3", "regexp_matches(root_name, '^/v[0-9]+/')", "hex(root_name) = 'AB'"]) {
    expect((await compiler.compile('p', where(condition))).keyKind).toBe('trace_id');
  }
});
