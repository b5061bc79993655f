import { expect, test } from 'vitest';
import { convert } from '../../../src/convert/convert.ts';
import { NoEqual } from '../../../src/convert/finding.ts';

const junk: readonly unknown[] = [undefined, null, 0, -1, 1.5, 1e300, Number.NaN, '', 'x', '${env:A}', true, [], [1], ['a'], {}, { a: 1 }, [null], [{}], [[]]];
const types = ['always_sample', 'latency', 'numeric_attribute', 'string_attribute', 'boolean_attribute', 'probabilistic', 'status_code', 'trace_state', 'trace_flags', 'rate_limiting', 'bytes_limiting', 'span_count', 'ottl_condition', 'and', 'not', 'drop', 'composite', 'nope'];
const keys = [
  'threshold_ms', 'upper_threshold_ms', 'key', 'min_value', 'max_value', 'values', 'value', 'enabled_regex_matching', 'invert_match', 'sampling_percentage', 'hash_salt', 'status_codes',
  'spans_per_second', 'burst_capacity', 'bytes_per_second', 'min_spans', 'max_spans', 'span', 'spanevent', 'error_mode', 'and_sub_policy', 'not_sub_policy', 'drop_sub_policy',
  'composite_sub_policy', 'max_total_spans_per_second', 'rate_allocation', 'policy_order',
];
const settings = ['decision_wait', 'num_traces', 'decision_cache', 'maximum_trace_size_bytes', 'num_shards', 'sampling_strategy', 'block_on_overflow', 'policies'];
const samplers = ['DeterministicSampler', 'DynamicSampler', 'EMADynamicSampler', 'EMAThroughputSampler', 'WindowedThroughputSampler', 'TotalThroughputSampler', 'RulesBasedSampler'];

/** Configurations with something that is not what it should be at one place. */
function* configurations(): Generator<unknown> {
  const tail = (value: unknown): unknown => ({ processors: { tail_sampling: value } });
  const refinery = (value: unknown): unknown => ({ Samplers: { __default__: value } });
  for (const value of junk) {
    yield* [value, { processors: value }, tail(value), { Samplers: value }, refinery(value)];
    for (const key of settings) yield tail({ [key]: value });
    for (const type of types) for (const key of keys) yield tail({ policies: [{ name: 'a', type, [type]: { key: 'k', values: ['a'], [key]: value } }] });
    for (const name of samplers) for (const key of ['SampleRate', 'GoalSampleRate', 'FieldList', 'GoalThroughputPerSec', 'Weight', 'LookbackFrequency', 'Rules']) yield refinery({ [name]: { FieldList: ['a'], [key]: value } });
    for (const key of ['Name', 'Drop', 'SampleRate', 'Scope', 'Conditions', 'Sampler']) yield refinery({ RulesBasedSampler: { Rules: [{ Name: 'a', [key]: value }, { Name: 'b', Drop: true }] } });
    for (const key of ['Field', 'Fields', 'Operator', 'Value', 'Datatype']) {
      for (const operator of ['=', 'in', 'matches', 'exists', 'has-root-span']) yield refinery({ RulesBasedSampler: { Rules: [{ Name: 'a', SampleRate: 1, Conditions: [{ Field: 'f', Operator: operator, Value: 1, [key]: value }] }] } });
    }
  }
}

test('a value of any kind at any place is converted, or refused with a reason', () => {
  let refused = 0;
  let count = 0;
  for (const value of configurations()) {
    count++;
    try {
      for (const { severity, message } of convert({ value, source: 's', select: null, bytesPerSpan: 500 }).findings) if (severity === 'error') expect(message).toMatch(/^not converted: ./);
    } catch (error) {
      if (!(error instanceof NoEqual)) throw new Error(`${JSON.stringify(value)}: ${String(error)}`, { cause: error });
      expect(error.message).not.toBe('');
      refused++;
    }
  }
  expect(count).toBeGreaterThan(10_000);
  expect(refused).toBeGreaterThan(100);
});
