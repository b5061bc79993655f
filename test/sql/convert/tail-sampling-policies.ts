const attribute = (key: string, values: readonly string[], more: object = {}): object => ({ key, values, ...more });
const regex = { enabled_regex_matching: true };
const policy = (name: string, type: string, config?: object): Record<string, unknown> => ({ name, type, ...(config === undefined ? {} : { [type]: config }) });

/** Policies whose decision depends on the trace alone, one or more of every such type. Those in `leaves` may stand in others. */
export const leaves: readonly Record<string, unknown>[] = [
  policy('always', 'always_sample'),
  policy('latency', 'latency', { threshold_ms: 500 }),
  policy('latency_zero', 'latency', { threshold_ms: 0 }),
  policy('latency_between', 'latency', { threshold_ms: 100, upper_threshold_ms: 1000 }),
  policy('numeric', 'numeric_attribute', { key: 'app.retries', min_value: 1, max_value: 5 }),
  policy('numeric_min', 'numeric_attribute', { key: 'app.retries', min_value: 6 }),
  policy('numeric_negative', 'numeric_attribute', { key: 'app.retries', min_value: -5, max_value: -1 }),
  policy('numeric_invert', 'numeric_attribute', { key: 'app.retries', min_value: 1, max_value: 5, invert_match: true }),
  policy('numeric_conventional', 'numeric_attribute', { key: 'http.response.status_code', min_value: 500, max_value: 599 }),
  policy('text', 'string_attribute', attribute('app.tier', ['gold', 'bronze'])),
  policy('text_one', 'string_attribute', attribute('service.name', ['web'])),
  policy('text_empty', 'string_attribute', attribute('app.tier', ['', 'silver'])),
  policy('text_invert', 'string_attribute', attribute('app.tier', ['gold'], { invert_match: true })),
  policy('text_regex', 'string_attribute', attribute('http.url', ['^/api', 'health$'], regex)),
  policy('text_regex_dot', 'string_attribute', attribute('http.url', ['a.b'], regex)),
  policy('text_regex_empty', 'string_attribute', attribute('app.tier', ['^(silver)?$'], regex)),
  policy('text_regex_invert', 'string_attribute', attribute('app.tier', ['^gold', 'br.nze'], { ...regex, invert_match: true })),
  policy('boolean', 'boolean_attribute', { key: 'app.sampled', value: true }),
  policy('boolean_false', 'boolean_attribute', { key: 'app.sampled', value: false }),
  policy('boolean_invert', 'boolean_attribute', { key: 'app.sampled', value: true, invert_match: true }),
  policy('status_error', 'status_code', { status_codes: ['ERROR'] }),
  policy('status_ok', 'status_code', { status_codes: ['OK'] }),
  policy('status_two', 'status_code', { status_codes: ['ERROR', 'UNSET'] }),
  policy('span_count', 'span_count', { min_spans: 3 }),
  policy('span_count_max', 'span_count', { min_spans: 2, max_spans: 4 }),
  policy('span_count_only_max', 'span_count', { max_spans: 2 }),
  policy('trace_state', 'trace_state', { key: 'vendor', values: ['a', 'c', ''] }),
  policy('trace_state_dot', 'trace_state', { key: 'vendor', values: ['a.b'] }),
  policy('trace_flags', 'trace_flags'),
  policy('ottl', 'ottl_condition', { error_mode: 'ignore', span: ['attributes["app.retries"] > 1 and resource.attributes["app.tier"] == "gold"', 'status.code == STATUS_CODE_ERROR and kind != SPAN_KIND_SERVER'] }),
  policy('ottl_not_equal', 'ottl_condition', { error_mode: 'ignore', span: ['attributes["app.tier"] != "gold" and attributes["app.tier"] != nil and not (attributes["app.retries"] >= 5)'] }),
  policy('ottl_missing', 'ottl_condition', { error_mode: 'ignore', span: ['span.attributes["app.tier"] != "gold" and span.name == ""'] }),
  policy('ottl_functions', 'ottl_condition', { error_mode: 'ignore', span: ['IsRootSpan() and IsMatch(name, "^GET /h") and not IsMatch(attributes["http.url"], "health")', 'HasPrefix(span.name, "SEL") and (end_time_unix_nano - start_time_unix_nano) > 400000000'] }),
  policy('ottl_time', 'ottl_condition', { error_mode: 'ignore', span: ['end_time - start_time >= Duration("501ms") or attributes["app.sampled"] == true'] }),
  policy('ottl_event', 'ottl_condition', { error_mode: 'ignore', spanevent: ['name == "exception" and attributes["exception.type"] == "IOError"', 'spanevent.name == "retry" and span.kind == SPAN_KIND_CLIENT'] }),
  policy('ottl_both', 'ottl_condition', { error_mode: 'ignore', span: ['status.message == "deadlock"'], spanevent: ['attributes["exception.type"] == nil'] }),
];

const named = (name: string): Record<string, unknown> => {
  const found = leaves.find((leaf) => leaf['name'] === name);
  if (found === undefined) throw new Error(`no policy ${name}`);
  return found;
};

export function notOf(leaf: Record<string, unknown>): Record<string, unknown> {
  return policy(`not_${String(leaf['name'])}`, 'not', { not_sub_policy: leaf });
}

export function andOf(name: string, subs: readonly Record<string, unknown>[]): Record<string, unknown> {
  return policy(name, 'and', { and_sub_policy: subs });
}

export function dropOf(name: string, subs: readonly Record<string, unknown>[]): Record<string, unknown> {
  return policy(name, 'drop', { drop_sub_policy: subs });
}

/** `not` of every leaf, and some of `and`. */
export const combined: readonly Record<string, unknown>[] = [
  ...leaves.map(notOf),
  andOf('and_two', [named('latency'), named('text')]),
  andOf('and_not', [named('span_count'), notOf(named('status_error')), named('text_invert')]),
  // Limits that nothing reaches, and a burst that longer traces exceed.
  policy('rate_limit_wide', 'rate_limiting', { spans_per_second: 1_000_000_000 }),
  policy('rate_limit_burst', 'rate_limiting', { spans_per_second: 1_000_000_000, burst_capacity: 4 }),
  andOf('and_rate_limit', [named('status_two'), policy('r', 'rate_limiting', { spans_per_second: 1_000_000_000, burst_capacity: 3 })]),
  policy('composite_wide', 'composite', {
    max_total_spans_per_second: 1_000_000_000, composite_sub_policy: [named('latency'), andOf('and_in_it', [named('text'), named('trace_flags')])], rate_allocation: [{ policy: 'latency', percent: 50 }],
  }),
  andOf('and_many', [named('numeric_min'), named('latency_zero'), named('text_regex_invert'), notOf(named('ottl_event'))]),
];
