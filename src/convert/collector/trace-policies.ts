import { NoEqual } from '../finding.ts';
import { isOneOf, numeral, quoted } from '../sql-text.ts';
import type { Written } from '../written.ts';
import type { PolicyContext } from './context.ts';
import { everything, nothing, onSpans, onTraces, type Selection } from './selection.ts';

/**
 * `latency`: latest end - earliest start, in whole milliseconds, more than the threshold and at most the upper one. So 500 ms and a
 * microsecond are not more than 500.
 */
export function latency(config: Written, { notes }: PolicyContext): Selection {
  const threshold = config.whole('threshold_ms');
  const upper = config.whole('upper_threshold_ms');
  const above = `duration >= INTERVAL ${numeral(threshold + 1)} MILLISECONDS`;
  const below = `duration < INTERVAL ${numeral(upper + 1)} MILLISECONDS`;
  if (threshold < 0) return upper === 0 ? everything : onTraces(below, `NOT ${below}`);
  notes.push(`The Collector compares whole milliseconds: more than ${threshold} begins at ${threshold + 1}.`);
  if (upper === 0) return onTraces(above, `duration < INTERVAL ${numeral(threshold + 1)} MILLISECONDS`);
  if (upper <= threshold) return nothing;
  notes.push('The Collector looks span by span, so it also takes longer traces whose first spans to come lie within; this looks at whole traces.');
  return onTraces(`${above} AND ${below}`, `NOT (${above} AND ${below})`);
}

const statusCodes: { readonly [name: string]: number } = { UNSET: 0, OK: 1, ERROR: 2 };

export function statusCode(config: Written): Selection {
  const names = config.texts('status_codes');
  if (names.length === 0) throw new NoEqual('status_codes is empty; the Collector refuses it too');
  const codes = names.map((name) => {
    const code = statusCodes[name];
    if (code === undefined) throw new NoEqual(`the status code ${name} is none of OK, ERROR, UNSET`);
    return code;
  });
  const distinct = [...new Set(codes)].sort();
  if (distinct.length === 1 && distinct[0] === statusCodes['ERROR']) return onTraces('has_error', 'NOT has_error');
  return onSpans(isOneOf('status_code', distinct.map(String)));
}

export function spanCount(config: Written): Selection {
  const min = config.whole('min_spans');
  const max = config.whole('max_spans');
  if (max === 0) return min <= 1 ? everything : onTraces(`span_count >= ${numeral(min)}`, `span_count < ${numeral(min)}`);
  if (min > max || max < 1) return nothing;
  if (min <= 1) return onTraces(`span_count <= ${numeral(max)}`, `span_count > ${numeral(max)}`);
  return onTraces(`span_count BETWEEN ${numeral(min)} AND ${numeral(max)}`, `span_count NOT BETWEEN ${numeral(min)} AND ${numeral(max)}`);
}

/** A member of the W3C tracestate has one of the values. */
export function traceState(config: Written): Selection {
  const key = config.text('key');
  const values = config.texts('values').filter((value) => value !== '' && Buffer.byteLength(key + value) < 256);
  if (values.length === 0) return nothing;
  return onSpans(`regexp_matches(trace_state, ${quoted(`(^|,)[ \\t]*${escaped(key)}=(${values.map(escaped).join('|')})[ \\t]*(,|$)`)})`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** A span has the flag `sampled`. */
export function traceFlags(): Selection {
  return onSpans('flags & 1 = 1');
}
