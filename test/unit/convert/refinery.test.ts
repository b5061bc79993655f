import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { convert } from '../../../src/convert/convert.ts';
import type { Conversion } from '../../../src/convert/conversion.ts';

function converted(samplers: string, select: string | null = null): Conversion {
  return convert({ value: { RulesVersion: 2, Samplers: parse(samplers) }, source: 'rules_config.yaml', select, bytesPerSpan: 500 });
}

/** Rules as files: headers that mean something, and the SQL. */
function rules(text: string): readonly string[] {
  const { files } = converted(`__default__: { RulesBasedSampler: { Rules: ${text} } }`);
  return files.slice(0, -1).map(({ name, text: sql }) => [name, ...sql.split('\n').filter((line) => !line.startsWith('--') || /^-- (mode|attribute|resource|history\w*):/.test(line))].join('\n').trim());
}

const rest = 'no_rule_matched.sql\nSELECT trace_id, 1.0 AS probability\nFROM traces';
const named = 'SELECT trace_id, 1.0 AS probability\nFROM traces';

test('each rule is a policy, and what no rule is for is kept', () => {
  expect(rules('[{Name: errors, SampleRate: 1, Conditions: [{Field: error, Operator: exists}]}, {Name: some, SampleRate: 20, Conditions: [{Field: http.route, Operator: starts-with, Value: /a}]}]')).toEqual([
    `errors.sql\n${named}\nWHERE trace_id IN (SELECT trace_id FROM spans WHERE has_error)`,
    "some.sql\nSELECT trace_id, proportional(0.05) AS probability\nFROM traces\nWHERE trace_id IN (SELECT trace_id FROM spans WHERE starts_with(coalesce(attributes['http.route'], resource['http.route']), '/a'))",
    rest,
  ]);
});

test('a rule that drops leaves out what rules before it are for', () => {
  expect(rules('[{Name: a, SampleRate: 1, Conditions: [{Field: "?.NUM_DESCENDANTS", Operator: ">", Value: 9}]}, {Name: b, Drop: true, Conditions: [{Operator: has-root-span, Value: false}]}]')[1])
    .toBe('b.sql\n-- mode: drop\nSELECT trace_id\nFROM traces\nWHERE NOT has_root\n  AND NOT (span_count > 9)');
});

test('with the scope span one span fulfils all, with trace any', () => {
  const conditions = 'Conditions: [{Field: name, Operator: "=", Value: x, Datatype: string}, {Field: duration_ms, Operator: ">", Value: 5}, {Field: root.team, Operator: "!=", Value: a, Datatype: string}]';
  expect(rules(`[{Name: s, SampleRate: 1, Scope: span, ${conditions}}, {Name: t, SampleRate: 1, ${conditions}}]`)).toEqual([
    `s.sql\n${named}\nWHERE trace_id IN (SELECT trace_id FROM spans WHERE is_root AND coalesce(attributes['team'], resource['team']) IS DISTINCT FROM 'a')\n  AND trace_id IN (SELECT trace_id FROM spans WHERE name = 'x' AND duration_time_unix_nano / 1e6 > 5)`,
    `t.sql\n${named}\nWHERE trace_id IN (SELECT trace_id FROM spans WHERE is_root AND coalesce(attributes['team'], resource['team']) IS DISTINCT FROM 'a')\n  AND trace_id IN (SELECT trace_id FROM spans WHERE name = 'x')\n  AND trace_id IN (SELECT trace_id FROM spans WHERE duration_time_unix_nano / 1e6 > 5)`,
    rest,
  ]);
});

const k = "coalesce(attributes['k'], resource['k'])";
test.each([
  ['{Field: k, Operator: "=", Value: "5", Datatype: int}', `-- attribute: k BIGINT\n-- resource: k BIGINT\n|${k} = 5`],
  ['{Field: k, Operator: "!=", Value: 5}', `-- attribute: k DOUBLE\n-- resource: k DOUBLE\n|${k} <> 5`],
  ['{Field: k, Operator: ">=", Value: 1.5, Datatype: float}', `-- attribute: k DOUBLE\n-- resource: k DOUBLE\n|${k} >= 1.5`],
  ['{Field: k, Operator: "=", Value: true}', `-- attribute: k BOOLEAN\n-- resource: k BOOLEAN\n|${k} = true`],
  ['{Field: k, Operator: "!=", Value: a}', `|${k} <> 'a'`],
  ['{Field: k, Operator: "!=", Value: a, Datatype: string}', `|${k} IS DISTINCT FROM 'a'`],
  ['{Field: k, Operator: contains, Value: a}', `|contains(${k}, 'a')`],
  ['{Field: k, Operator: does-not-contain, Value: a}', `|NOT coalesce(contains(${k}, 'a'), false)`],
  ['{Field: k, Operator: matches, Value: a+}', `|regexp_matches(${k}, 'a+')`],
  ['{Field: k, Operator: in, Value: [a, b]}', `|${k} IN ('a', 'b')`],
  ['{Field: k, Operator: not-in, Value: [1, 2], Datatype: int}', `-- attribute: k BIGINT\n-- resource: k BIGINT\n|NOT coalesce(${k} IN (1, 2), false)`],
  ['{Field: k, Operator: exists}', `|${k} IS NOT NULL`],
  ['{Fields: [k, l], Operator: not-exists}', "|coalesce(attributes['k'], resource['k'], attributes['l'], resource['l']) IS NULL"],
  ['{Field: error, Operator: not-exists}', '|NOT coalesce(has_error, false)'],
])('%s', (condition, expected) => {
  const [headers, sql] = expected.split('|');
  expect(rules(`[{Name: r, SampleRate: 1, Conditions: [${condition}]}]`)[0]).toBe(`r.sql\n${headers}${named}\nWHERE trace_id IN (SELECT trace_id FROM spans WHERE ${sql})`);
});

test('samplers by themselves', () => {
  const lines = (text: string): string => converted(`__default__: ${text}`).files[0].text.split('\n').filter((line) => !/^-- (description|Converted)/.test(line)).join('\n');
  expect(lines('{DeterministicSampler: {SampleRate: 10}}')).toBe('SELECT trace_id, proportional(0.1) AS probability\nFROM traces\n');
  const dynamic = lines('{DynamicSampler: {SampleRate: 5, FieldList: [root.service.name, root.k], UseTraceLength: true}}');
  expect(dynamic).toContain("concat_ws(' | ', coalesce(root_service, ''), coalesce(attributes['k'], resource['k'], ''), span_count::VARCHAR) AS key");
  expect(dynamic).toContain('SELECT key, sum(span_count) AS n FROM matched GROUP BY key');
  expect(dynamic).toContain('sum(n) OVER () / 5 * ln(1 + n) / sum(ln(1 + n)) OVER () AS goal');
  expect(lines('{EMADynamicSampler: {GoalSampleRate: 4, Weight: 0.25, FieldList: [root.name]}}')).toContain('SELECT key, sum(arrivals * value_mean * 0.25 * power(0.75, age - 1)) / (1 - power(0.75, max(age))) AS n FROM history');
  expect(lines('{EMAThroughputSampler: {GoalThroughputPerSec: 50, FieldList: [root.name]}}')).toContain('500 * ln(1 + n) / sum(ln(1 + n)) OVER () AS goal');
  expect(lines('{TotalThroughputSampler: {GoalThroughputPerSec: 50, FieldList: [root.name]}}')).toContain('500 / count(*) OVER () AS goal');
  const windowed = lines('{WindowedThroughputSampler: {GoalThroughputPerSec: 50, LookbackFrequency: 30s, FieldList: [root.name]}}');
  expect(windowed).toContain("-- history: coalesce(root_name, '')\n-- history_value: span_count\n-- history_windows: 3\n");
  expect(windowed).toContain('sum(arrivals * value_mean) / max(age) AS n FROM history');
});

test('what is left out is named', () => {
  const { findings, files } = converted(`
__default__:
  RulesBasedSampler:
    CheckNestedFields: true
    Rules:
      - { Name: a, SampleRate: 1, Conditions: [{ Field: span.kind, Operator: exists }] }
      - { Name: b, Conditions: [{ Field: x, Operator: exists }], Sampler: { EMADynamicSampler: { GoalSampleRate: 2, FieldList: [y] } } }
      - { Name: c, SampleRate: 10 }
      - { Name: d, SampleRate: 10 }
production: { DeterministicSampler: { SampleRate: 2 } }
`);
  expect(files.map(({ name }) => name)).toEqual(['b.sql', 'c.sql', 'thresher.yaml']);
  expect(findings.map(({ severity, place }) => `${severity} ${place.replace('rules.Samplers.__default__.RulesBasedSampler.', '')}`)).toEqual([
    'warning Samplers.production', 'warning CheckNestedFields', 'error Rules[0]', 'warning Rules[0]',
    'warning Rules[1].Sampler.EMADynamicSampler', 'warning Rules[1].Sampler.EMADynamicSampler', 'warning Rules[3]',
  ]);
  expect(parse(files[2].text)).toMatchObject({ policy: { combine: 'first_match' }, policies: ['b.sql', 'c.sql'] });
  expect(() => converted('{a: {DeterministicSampler: {SampleRate: 2}}}', 'b')).toThrow('there is no sampler for b; there are a');
});
