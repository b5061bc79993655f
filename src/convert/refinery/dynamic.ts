import { NoEqual } from '../finding.ts';
import { fraction, numeral, quoted, whereLines } from '../sql-text.ts';
import type { Written } from '../written.ts';
import type { PolicyContext } from '../collector/context.ts';
import { keyField } from './fields.ts';

/** How a sampler with keys shares out what it may keep. */
interface Dynamic {
  /** Spans that a window may keep, in SQL over `counts` (n by key); by a rate, or by spans a second. */
  readonly goal: string;
  /** Each key's part of it. */
  readonly part: 'logarithm' | 'equal';
  /** Earlier windows that count, and how; null for this window alone. */
  readonly history: { readonly windows: number; readonly n: string } | null;
}

/** A policy's SQL, and the header that it needs. */
export interface DynamicSql {
  readonly headers: readonly string[];
  readonly lines: readonly string[];
}

export const dynamicSamplers = ['DynamicSampler', 'EMADynamicSampler', 'EMAThroughputSampler', 'WindowedThroughputSampler', 'TotalThroughputSampler'] as const;
type DynamicSampler = (typeof dynamicSamplers)[number];

/**
 * Rates by key, as dynsampler-go shares a goal out: by the logarithm of each key's spans, or to each key alike. This window's numbers are
 * known when it is decided; samplers with a moving average also read earlier windows, where the rule has no condition (history is by key alone).
 */
export function dynamicSql(name: DynamicSampler, config: Written, conditions: readonly string[], context: PolicyContext): DynamicSql {
  const key = keyOf(config, context);
  const dynamic = dynamicOf(name, config, conditions.length > 0, context);
  config.reportUnread(context.findings);
  const share = dynamic.part === 'equal' ? `${dynamic.goal} / count(*) OVER ()` : `${dynamic.goal} * ln(1 + n) / sum(ln(1 + n)) OVER ()`;
  const counts = dynamic.history === null
    ? ['    SELECT key, sum(span_count) AS n FROM matched GROUP BY key']
    : [`    SELECT key, ${dynamic.history.n} AS n FROM history GROUP BY key`];
  const shareOfRow = 'least(1, greatest(g.goal, 1) / g.n)';
  return {
    headers: dynamic.history === null ? [] : [`-- history: ${key}`, '-- history_value: span_count', `-- history_windows: ${dynamic.history.windows}`],
    lines: [
      'WITH matched AS (',
      `    SELECT trace_id, item, span_count, ${key} AS key`,
      '    FROM traces',
      ...whereLines(conditions).map((line) => `    ${line}`),
      '), counts AS (',
      ...counts,
      '), goals AS (',
      `    SELECT key, n, ${share} AS goal FROM counts`,
      ')',
      `SELECT m.trace_id, proportional(m.item, ${dynamic.history === null ? shareOfRow : `coalesce(${shareOfRow}, 1)`}) AS probability`,
      `FROM matched m ${dynamic.history === null ? '' : 'LEFT '}JOIN goals g USING (key)`,
    ],
  };
}

function keyOf(config: Written, context: PolicyContext): string {
  const fields = config.texts('FieldList');
  const parts = [...fields.map((field) => keyField(field, context.keys)), ...(config.flag('UseTraceLength') ? ['span_count::VARCHAR'] : [])];
  if (parts.length === 0) throw new NoEqual('FieldList is empty');
  if (fields.some((field) => !field.startsWith('root.'))) {
    context.findings.warning(config.place, 'the key is made of the root span\'s fields here; Refinery puts together the values of all spans');
  }
  return parts.length === 1 ? parts[0] : `concat_ws(${quoted(' | ')}, ${parts.join(', ')})`;
}

function dynamicOf(name: DynamicSampler, config: Written, hasConditions: boolean, context: PolicyContext): Dynamic {
  const { findings, options: { windowMs } } = context;
  for (const key of ['MaxKeys', 'AgeOutValue', 'BurstMultiple', 'BurstDetectionDelay', 'InitialSampleRate', 'AdjustmentInterval', 'ClearFrequency', 'UpdateFrequency', 'SummarizeMode', 'UseClusterSize']) {
    if (config.has(key)) findings.note(`${config.place}.${key}`, 'is not needed: rates are made anew for each window, of what came in it or before it');
    config.raw(key);
  }
  if (name === 'DynamicSampler' || name === 'EMADynamicSampler') {
    const rate = config.number(name === 'DynamicSampler' ? 'SampleRate' : 'GoalSampleRate', 10);
    if (rate < 1) throw new NoEqual('its goal is a rate below 1');
    const history = name === 'EMADynamicSampler' ? movingAverage(config, hasConditions, context) : null;
    return { goal: `sum(n) OVER () / ${numeral(rate)}`, part: 'logarithm', history };
  }
  const perSecond = config.number('GoalThroughputPerSec', 100);
  if (perSecond <= 0) throw new NoEqual('its goal is no throughput above 0');
  const goal = numeral(Math.max(1, Math.round((perSecond * windowMs) / 1000)));
  context.notes.push(`The goal is ${perSecond} spans a second, for a window of ${windowMs / 1000} s, and for this process alone.`);
  if (name === 'EMAThroughputSampler') return { goal, part: 'logarithm', history: movingAverage(config, hasConditions, context) };
  if (name === 'TotalThroughputSampler') return { goal, part: 'equal', history: null };
  const windows = Math.min(100, Math.max(1, Math.ceil(config.durationMs('LookbackFrequency', 30_000) / windowMs)));
  return { goal, part: 'equal', history: pastOrNone(config, hasConditions, context, { windows, n: 'sum(arrivals * value_mean) / max(age)' }) };
}

function movingAverage(config: Written, hasConditions: boolean, context: PolicyContext): Dynamic['history'] {
  const weight = config.number('Weight', 0.5);
  if (weight <= 0 || weight >= 1) throw new NoEqual('Weight is not between 0 and 1');
  const rest = fraction(1 - weight);
  const n = `sum(arrivals * value_mean * ${fraction(weight)} * power(${rest}, age - 1)) / (1 - power(${rest}, max(age)))`;
  if (!hasConditions) context.notes.push('An average over windows, each weighing less than the one after it, over the sum of the weights, so that it holds from the second window on.');
  return pastOrNone(config, hasConditions, context, { windows: 10, n });
}

function pastOrNone(config: Written, hasConditions: boolean, { findings }: PolicyContext, history: NonNullable<Dynamic['history']>): Dynamic['history'] {
  if (!hasConditions) return history;
  findings.warning(config.place, 'rates are made of this window alone: history is by key, and cannot tell the traces of this rule from others');
  return null;
}
