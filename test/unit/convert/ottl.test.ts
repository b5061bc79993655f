import { expect, test } from 'vitest';
import { KeyTypes } from '../../../src/convert/key-types.ts';
import { parseOttl } from '../../../src/convert/ottl/parse.ts';
import type { OttlContext } from '../../../src/convert/ottl/paths.ts';
import { OttlSql } from '../../../src/convert/ottl/to-sql.ts';

function sqlOf(condition: string, context: OttlContext = 'span'): string {
  return new OttlSql(context, new KeyTypes()).condition(parseOttl(condition));
}

test.each([
  ['attributes["a"] == "x"', "attributes['a'] = 'x'"],
  ['attributes["a"] != "x"', "attributes['a'] IS DISTINCT FROM 'x'"],
  ['span.attributes["a"] >= 5', "attributes['a'] >= 5"],
  ['resource.attributes["a"] < -1.5', "resource['a'] < -1.5"],
  ['attributes["a"] == 2.0', "attributes['a'] = 2.0"],
  ['attributes["a"] == nil or nil != attributes["b"]', "(attributes['a'] IS NULL OR attributes['b'] IS NOT NULL)"],
  ['a.b == 1', 'the path a.b is not in the views'],
  ['name == "" and status.message != "x"', "(coalesce(name, '') = '' AND status_message IS DISTINCT FROM 'x')"],
  ['status.code == STATUS_CODE_ERROR and kind == SPAN_KIND_UNSPECIFIED', '(status_code = 2 AND coalesce(kind, 0) = 0)'],
  ['not (name == "a" or attributes["b"] > 1)', "NOT coalesce((name = 'a' OR attributes['b'] > 1), false)"],
  ['name == "a" or name == "b" and name == "c"', "(name = 'a' OR (name = 'b' AND name = 'c'))"],
  ['IsMatch(attributes["u"], "^/a\\\\.b") == true', 'the function IsMatch is not converted'],
  ['IsMatch(attributes["u"], "^/a\\\\.b")', "regexp_matches(attributes['u'], '^/a\\.b')"],
  ['HasPrefix(name, "GET") and HasSuffix(ToLowerCase(name), "x")', "(starts_with(name, 'GET') AND ends_with(lower(name), 'x'))"],
  ['not IsRootSpan()', 'NOT coalesce(is_root, false)'],
  ['end_time - start_time > Duration("1m1s")', 'duration_time_unix_nano > 61000000000'],
  ['(end_time_unix_nano - start_time_unix_nano) >= 5', 'duration_time_unix_nano >= 5'],
  ['true and not false', '(true AND NOT coalesce(false, false))'],
  ['attributes["a"]["b"] == 1', 'the path attributes["a"]["b"] is not in the views'],
  ['name == 5', 'values of different kinds are compared (VARCHAR and BIGINT), which never equal each other'],
  ['attributes["a"] == 1 or attributes["a"] == "x"', "attributes['a'] is compared as BIGINT and as VARCHAR, and a policy reads a key as one type; write two policies"],
  ['kind == SPAN_KIND_NONE', 'the constant SPAN_KIND_NONE is not converted'],
  ['Len(name) > 5', 'the function Len is not converted'],
  ['name', 'a value that is neither true nor false stands where a condition should'],
  ['name ==', 'the condition ends too early'],
  ['(name == "a"', ') is missing at the end'],
  ['name == "a" name', 'the condition goes on with name, which is not understood'],
  ['name == "a', 'cannot read the condition from ""a" on'],
  ['attributes["a"] + 1 > 2', 'arithmetic with + is not converted'],
  [`${'('.repeat(200)}true${')'.repeat(200)}`, 'the condition is nested too deeply'],
  ['spanevent.name == "x"', 'the path spanevent.name is of events, and this is a condition on spans'],
] as const)('%s', (condition, expected) => {
  let sql: string;
  try {
    sql = sqlOf(condition);
  } catch (error) {
    sql = error instanceof Error ? error.message : String(error);
  }
  expect(sql).toBe(expected);
});

test('events stand beside their spans', () => {
  expect(sqlOf('name == "x" and attributes["a"] == "b" and span.attributes["c"] == "d" and IsRootSpan() and resource.attributes["e"] == "f"', 'spanevent'))
    .toBe("(e.name = 'x' AND e.attributes['a'] = 'b' AND s.attributes['c'] = 'd' AND s.is_root AND s.resource['e'] = 'f')");
});
