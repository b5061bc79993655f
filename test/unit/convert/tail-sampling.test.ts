import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { convert } from '../../../src/convert/convert.ts';
import type { Conversion } from '../../../src/convert/conversion.ts';

function converted(processor: unknown, select: string | null = null): Conversion {
  return convert({ value: { processors: { tail_sampling: processor } }, source: 'collector.yaml', select, bytesPerSpan: 500 });
}

/** SQL of one policy, headers that mean something before it. */
function sqlOf(yaml: string): string {
  const { files, findings } = converted({ policies: [{ name: 'p', ...parse(yaml) }] });
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return errors.map(({ message }) => message).join('\n');
  const [file] = files;
  if (file.name !== 'p.sql') return 'no file';
  return file.text.split('\n').filter((line) => !line.startsWith('--') || /^-- (mode|attribute|resource):/.test(line)).join('\n').trim();
}

const named = 'SELECT trace_id, 1.0 AS probability';
const cases: readonly (readonly [yaml: string, sql: string])[] = [
  ['type: always_sample', `${named}\nFROM traces`],
  ['{type: latency, latency: {threshold_ms: 500}}', `${named}\nFROM traces\nWHERE duration >= INTERVAL 501 MILLISECONDS`],
  ['{type: latency, latency: {threshold_ms: 5000, upper_threshold_ms: 10000}}', `${named}\nFROM traces\nWHERE duration >= INTERVAL 5001 MILLISECONDS AND duration < INTERVAL 10001 MILLISECONDS`],
  ['{type: latency, latency: {threshold_ms: 5, upper_threshold_ms: 5}}', 'no file'],
  ['{type: numeric_attribute, numeric_attribute: {key: n, min_value: 1, max_value: 5}}', `-- attribute: n BIGINT\n-- resource: n BIGINT\n${named}\nFROM spans\nWHERE attributes['n'] BETWEEN 1 AND 5 OR resource['n'] BETWEEN 1 AND 5`],
  ['{type: numeric_attribute, numeric_attribute: {key: http.response.status_code, min_value: 500}}', `${named}\nFROM spans\nWHERE attributes['http.response.status_code'] >= 500 OR resource['http.response.status_code'] >= 500`],
  ['{type: numeric_attribute, numeric_attribute: {key: n}}', 'not converted: neither min_value nor max_value is set (0 is not set); the Collector refuses it too'],
  ['{type: string_attribute, string_attribute: {key: k, values: [a, "it\'s"]}}', `${named}\nFROM spans\nWHERE attributes['k'] IN ('a', 'it''s') OR resource['k'] IN ('a', 'it''s')`],
  ['{type: string_attribute, string_attribute: {key: k, values: [a], invert_match: true}}', `${named}\nFROM traces\nWHERE trace_id NOT IN (SELECT trace_id FROM spans WHERE attributes['k'] = 'a' OR resource['k'] = 'a')`],
  ['{type: string_attribute, string_attribute: {key: k, values: ["^a", b$], enabled_regex_matching: true, cache_max_size: 10}}',
    `${named}\nFROM spans\nWHERE regexp_matches(attributes['k'], '^a') OR regexp_matches(attributes['k'], 'b$') OR regexp_matches(resource['k'], '^a') OR regexp_matches(resource['k'], 'b$')`],
  ['{type: string_attribute, string_attribute: {key: k, values: [.*], enabled_regex_matching: true}}',
    `${named}\nFROM spans\nWHERE (regexp_matches(attributes['k'], '.*') AND attributes['k'] <> '') OR regexp_matches(resource['k'], '.*')`],
  ['{type: boolean_attribute, boolean_attribute: {key: b, value: true}}', `-- attribute: b BOOLEAN\n-- resource: b BOOLEAN\n${named}\nFROM spans\nWHERE attributes['b'] = true OR resource['b'] = true`],
  ['{type: probabilistic, probabilistic: {sampling_percentage: 10}}', 'SELECT trace_id, proportional(0.1) AS probability\nFROM traces'],
  ['{type: probabilistic, probabilistic: {sampling_percentage: 0.05, hash_salt: x}}', 'SELECT trace_id, proportional(0.0005) AS probability\nFROM traces'],
  ['{type: probabilistic, probabilistic: {sampling_percentage: 150}}', `${named}\nFROM traces`],
  ['{type: probabilistic}', 'no file'],
  ['{type: status_code, status_code: {status_codes: [ERROR]}}', `${named}\nFROM traces\nWHERE has_error`],
  ['{type: status_code, status_code: {status_codes: [ERROR, UNSET]}}', `${named}\nFROM spans\nWHERE status_code IN (0, 2)`],
  ['{type: status_code, status_code: {status_codes: [error]}}', 'not converted: the status code error is none of OK, ERROR, UNSET'],
  ['{type: trace_state, trace_state: {key: v, values: [a, b.c]}}', `${named}\nFROM spans\nWHERE regexp_matches(trace_state, '(^|,)[ \\t]*v=(a|b\\.c)[ \\t]*(,|$)')`],
  ['type: trace_flags', `${named}\nFROM spans\nWHERE flags & 1 = 1`],
  ['{type: span_count, span_count: {min_spans: 2, max_spans: 20}}', `${named}\nFROM traces\nWHERE span_count BETWEEN 2 AND 20`],
  ['{type: rate_limiting, rate_limiting: {spans_per_second: 35}}', 'SELECT unnest(budget_sample(item, span_count, 350), recursive := true)\nFROM traces\nWHERE span_count <= 70'],
  ['{type: rate_limiting, rate_limiting: {spans_per_second: 35, burst_capacity: 500}}', 'SELECT unnest(budget_sample(item, span_count, 350), recursive := true)\nFROM traces\nWHERE span_count <= 500'],
  ['{type: bytes_limiting, bytes_limiting: {bytes_per_second: 1000000}}', 'SELECT unnest(budget_sample(item, span_count * 500, 10000000), recursive := true)\nFROM traces\nWHERE span_count * 500 <= 2000000'],
  ['{type: not, not: {not_sub_policy: {name: s, type: status_code, status_code: {status_codes: [ERROR]}}}}', `${named}\nFROM traces\nWHERE NOT has_error`],
  ['{type: not, not: {not_sub_policy: {name: s, type: probabilistic, probabilistic: {sampling_percentage: 30}}}}', 'SELECT trace_id, proportional(0.7) AS probability\nFROM traces'],
  ['{type: not, not: {not_sub_policy: {name: s, type: rate_limiting, rate_limiting: {spans_per_second: 1}}}}', 'not converted: what a policy of type rate_limiting leaves out has no probability that is known'],
  ['{type: and, and: {and_sub_policy: [{name: a, type: latency, latency: {threshold_ms: 9}}, {name: b, type: string_attribute, string_attribute: {key: k, values: [x]}}, {name: c, type: probabilistic, probabilistic: {sampling_percentage: 25}}, {name: d, type: probabilistic, probabilistic: {sampling_percentage: 50}}]}}',
    'SELECT trace_id, proportional(0.25) AS probability\nFROM traces\nWHERE duration >= INTERVAL 10 MILLISECONDS\n  AND trace_id IN (SELECT trace_id FROM spans WHERE attributes[\'k\'] = \'x\' OR resource[\'k\'] = \'x\')'],
  ['{type: and, and: {and_sub_policy: [{name: c, type: probabilistic, probabilistic: {sampling_percentage: 50}}, {name: d, type: probabilistic, probabilistic: {sampling_percentage: 50, hash_salt: other}}, {name: e, type: rate_limiting, rate_limiting: {spans_per_second: 10}}]}}',
    'SELECT trace_id, least(proportional(0.25), budget_sample_p(item, span_count, 100)) AS probability\nFROM traces\nWHERE span_count <= 20'],
  ['{type: drop, drop: {drop_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: url.path, values: [/healthz]}}]}}',
    "-- mode: drop\nSELECT trace_id\nFROM spans\nWHERE attributes['url.path'] = '/healthz' OR resource['url.path'] = '/healthz'"],
  ['{type: drop, drop: {drop_sub_policy: [{name: a, type: span_count, span_count: {max_spans: 2}}, {name: b, type: probabilistic, probabilistic: {sampling_percentage: 90}}]}}',
    '-- mode: drop\nSELECT trace_id, 0.1 AS probability\nFROM traces\nWHERE span_count <= 2'],
  ['{type: drop, drop: {drop_sub_policy: [{name: a, type: trace_state, trace_state: {key: v, values: [a]}}]}}', 'not converted: a drop policy may not read trace_state, which holds what samplers before decided'],
  ['{type: ottl_condition, ottl_condition: {span: [\'attributes["a"] == "x"\', "kind == SPAN_KIND_SERVER"]}}', `${named}\nFROM spans\nWHERE attributes['a'] = 'x' OR kind = 2`],
  ['{type: ottl_condition, ottl_condition: {spanevent: [\'name == "exception"\']}}', "SELECT s.trace_id, 1.0 AS probability\nFROM span_events e JOIN spans s ON s.id = e.parent_id\nWHERE e.name = 'exception'"],
  ['{type: my_extension, my_extension: {}}', 'not converted: policies of type my_extension come from an extension or are not known; known here: always_sample, latency, numeric_attribute, string_attribute, boolean_attribute, probabilistic, status_code, trace_state, trace_flags, rate_limiting, bytes_limiting, span_count, ottl_condition, and, not, drop, composite'],
  ['{type: composite, composite: {max_total_spans_per_second: 1000, policy_order: [a, b, c], composite_sub_policy: [{name: a, type: numeric_attribute, numeric_attribute: {key: n, min_value: 50}}, {name: b, type: and, and: {and_sub_policy: [{name: x, type: status_code, status_code: {status_codes: [ERROR]}}, {name: y, type: latency, latency: {threshold_ms: 9}}]}}, {name: c, type: always_sample}], rate_allocation: [{policy: a, percent: 50}, {policy: b, percent: 25}]}}',
    `-- attribute: n BIGINT
-- resource: n BIGINT
WITH chosen AS (
    SELECT trace_id, item, span_count, CASE
        WHEN trace_id IN (SELECT trace_id FROM spans WHERE attributes['n'] >= 50 OR resource['n'] >= 50) THEN 'a'
        WHEN has_error AND duration >= INTERVAL 10 MILLISECONDS THEN 'b'
        ELSE 'c'
    END AS rule
    FROM traces
)
SELECT unnest(budget_sample(item, span_count, 5000), recursive := true)
FROM chosen WHERE rule = 'a' AND span_count <= 500
UNION ALL
SELECT unnest(budget_sample(item, span_count, 2500), recursive := true)
FROM chosen WHERE rule = 'b' AND span_count <= 250
UNION ALL
SELECT unnest(budget_sample(item, span_count, 3330), recursive := true)
FROM chosen WHERE rule = 'c' AND span_count <= 333`],
];

test.each(cases)('%s', (yaml, sql) => {
  expect(sqlOf(yaml).replace(/; did you mean.*$/, '')).toBe(sql);
});

describe('what is around the policies', () => {
  test('goes into thresher.yaml, or is named', () => {
    const { files, findings } = converted({
      decision_wait: '5s', num_traces: 100, expected_new_traces_per_sec: 10, decision_cache: { sampled_cache_size: 1000, non_sampled_cache_size: 2000 },
      decision_wait_after_root_received: '1s', sample_on_first_match: true, num_shards: 4, drop_pending_traces_on_shutdown: true,
      sampling_strategy: 'span-ingest', maximum_trace_size_bytes: 100_000, nonsense: 1,
      policies: [{ name: 'Slow ones!', type: 'latency', latency: { threshold_ms: 1, treshold: 2 } }, { name: 'slow_ones', type: 'always_sample' }],
    });
    expect(files.map(({ name }) => name)).toEqual(['slow_ones.sql', 'slow_ones_2.sql', 'maximum_trace_size_bytes.sql', 'thresher.yaml']);
    expect(parse(files[3].text)).toEqual({
      receivers: { otlp: { grpc: {} } }, exporters: { debug: {} },
      windows: { traces: { length: '5s', decision_wait: '5s', decision_wait_after_root: '1s' } },
      policies: ['slow_ones.sql', 'slow_ones_2.sql', 'maximum_trace_size_bytes.sql'],
      decision_cache: { kept_max: 1000, dropped_max: 2000 },
      policy: { signals_without_policy: 'keep' },
    });
    expect(files[2].text).toContain('-- mode: drop\n');
    expect(files[2].text).toContain('WHERE span_count * 500 > 100000');
    const at = 'processors.tail_sampling';
    expect(findings.map(({ severity, place }) => `${severity} ${place.replace(`${at}.`, '')}`)).toEqual([
      'warning num_traces', 'note expected_new_traces_per_sec', 'note num_shards', 'note sample_on_first_match', 'note decision_wait_after_root_received',
      'warning drop_pending_traces_on_shutdown', 'warning sampling_strategy', 'warning nonsense', 'warning policies[0].latency.treshold', 'warning maximum_trace_size_bytes',
    ]);
  });

  test('one that is not converted does not keep the others from it', () => {
    const { files, findings } = converted({ policies: [{ name: 'a', type: 'status_code' }, { name: 'b', type: 'always_sample' }] });
    expect(files.map(({ name }) => name)).toEqual(['b.sql', 'thresher.yaml']);
    expect(findings).toEqual([{ severity: 'error', place: 'processors.tail_sampling.policies[0]', message: 'not converted: status_codes is empty; the Collector refuses it too' }]);
  });

  test('drop policies alone keep the rest here, which the Collector does not', () => {
    const { findings } = converted({ policies: [{ name: 'a', type: 'drop', drop: { drop_sub_policy: [{ name: 's', type: 'trace_flags' }] } }] });
    expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('no policy keeps anything')]);
  });

  test('shares by several salts are told', () => {
    const share = (name: string, salt: string): object => ({ name, type: 'probabilistic', probabilistic: { sampling_percentage: 10, hash_salt: salt } });
    expect(converted({ policies: [share('a', 'x'), share('b', 'y')] }).findings.map(({ message }) => message)).toEqual([expect.stringContaining('several hash_salts')]);
    expect(converted({ policies: [share('a', 'x'), share('b', 'x')] }).findings).toEqual([]);
  });

  test('a text attribute that is a number by convention is told', () => {
    const { findings, files } = converted({ policies: [{ name: 'a', type: 'string_attribute', string_attribute: { key: 'http.status_code', values: ['500'] } }] });
    expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('http.status_code is BIGINT by the semantic conventions')]);
    expect(files[0].text).toContain('-- attribute: http.status_code VARCHAR\n');
  });

  test('several processors need a choice', () => {
    const value = { processors: { tail_sampling: { policies: [] }, 'tail_sampling/two': { policies: [{ name: 'x', type: 'always_sample' }] } } };
    const request = { value, source: 'c', bytesPerSpan: 500 };
    expect(() => convert({ ...request, select: null })).toThrow('select one of tail_sampling, tail_sampling/two');
    expect(convert({ ...request, select: 'tail_sampling/two' }).files.map(({ name }) => name)).toEqual(['x.sql', 'thresher.yaml']);
    expect(() => convert({ ...request, select: 'tail_sampling/3' })).toThrow('there is no processor tail_sampling/3');
  });

  test.each([[{ processors: { batch: {} } }, 'it has no tail_sampling processor'], [{}, 'it is neither'], [null, 'it is neither'], [{ processors: { tail_sampling: [1] } }, 'is no section']])('%j', (value, message) => {
    expect(() => convert({ value, source: 'c', select: null, bytesPerSpan: 500 })).toThrow(message);
  });

  test('names and values cannot leave their comment or text', () => {
    const { files } = converted({ policies: [{ name: "x\nSELECT 1 '", type: 'string_attribute', string_attribute: { key: "k'", values: ["a'; --"] } }] });
    expect(files[0].text.split('\n').filter((line) => !line.startsWith('--')).join('\n')).toBe(`${named}\nFROM spans\nWHERE attributes['k'''] = 'a''; --' OR resource['k'''] = 'a''; --'\n`);
  });
});
