import { conventionalTypes } from '../../policy/catalog/semconv.ts';
import type { KeyType } from '../../policy/compile/compiled.ts';
import { NoEqual } from '../finding.ts';
import { anyOf, isOneOf, numeral, quoted } from '../sql-text.ts';
import type { Written } from '../written.ts';
import type { PolicyContext } from './context.ts';
import { nothing, everything, onSpans, type Selection } from './selection.ts';

/**
 * `string_attribute`, `numeric_attribute` and `boolean_attribute` look at the attributes of each span and of its resource; a trace is taken
 * where one fulfils the condition, with `invert_match` where none does (tailsamplingprocessor/internal/sampling/*_tag_filter.go).
 */
function inSpanOrResource(config: Written, context: PolicyContext, type: KeyType, condition: (operand: string, isResource: boolean) => string): Selection {
  const key = config.text('key');
  const own = condition(context.keys.read('attributes', key, type), false);
  const ofResource = condition(context.keys.read('resource', key, type), true);
  return onSpans(`${own} OR ${ofResource}`, config.flag('invert_match'));
}

export function stringAttribute(config: Written, context: PolicyContext): Selection {
  const key = config.text('key');
  const values = config.texts('values');
  const isRegex = config.flag('enabled_regex_matching');
  config.raw('cache_max_size');
  warnOfType(key, context);
  if (!isRegex) {
    const wanted = values.filter((value) => value !== '').map(quoted);
    if (wanted.length === 0) return config.flag('invert_match') ? everything : nothing;
    return inSpanOrResource(config, context, 'VARCHAR', (operand) => isOneOf(operand, wanted));
  }
  if (values.length === 0) return config.flag('invert_match') ? everything : nothing;
  // An empty value of a span is never matched, of a resource it is.
  return inSpanOrResource(config, context, 'VARCHAR', (operand, isResource) => {
    const matches = values.map((value) => `regexp_matches(${operand}, ${quoted(value)})`);
    return !isResource && values.some(matchesEmpty) ? `(${anyOf(matches)} AND ${operand} <> '')` : matches.join(' OR ');
  });
}

function warnOfType(key: string, { findings, place, notes }: PolicyContext): void {
  const type = conventionalTypes.get(key);
  if (type === undefined) return;
  findings.warning(place, `${key} is ${type} by the semantic conventions: the Collector compares texts alone, so its policy matches no such value; here values are compared as text`);
  notes.push(`The Collector's string_attribute matches no numbers and booleans; here ${key} is compared as text.`);
}

function matchesEmpty(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test('');
  } catch {
    return false;
  }
}

/** A bound of 0 is one that is not set. */
export function numericAttribute(config: Written, context: PolicyContext): Selection {
  const min = config.whole('min_value');
  const max = config.whole('max_value');
  if (min === 0 && max === 0) throw new NoEqual('neither min_value nor max_value is set (0 is not set); the Collector refuses it too');
  if (max !== 0 && min > max) return config.flag('invert_match') ? everything : nothing;
  return inSpanOrResource(config, context, 'BIGINT', (operand) => {
    if (max === 0) return `${operand} >= ${numeral(min)}`;
    return min === 0 ? `${operand} <= ${numeral(max)}` : `${operand} BETWEEN ${numeral(min)} AND ${numeral(max)}`;
  });
}

export function booleanAttribute(config: Written, context: PolicyContext): Selection {
  const value = config.flag('value');
  return inSpanOrResource(config, context, 'BOOLEAN', (operand) => `${operand} = ${value}`);
}
