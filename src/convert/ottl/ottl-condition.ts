import type { PolicyContext } from '../collector/context.ts';
import { conditionSql, onEvents, onSpans, onTraces, type Selection } from '../collector/selection.ts';
import { NoEqual } from '../finding.ts';
import type { Written } from '../written.ts';
import { parseOttl } from './parse.ts';
import type { OttlContext } from './paths.ts';
import { OttlSql } from './to-sql.ts';

/** `ottl_condition`: one span fulfils one of the conditions on spans, or one event one of those on events. */
export function ottlCondition(config: Written, context: PolicyContext): Selection {
  const span = conditions(config, 'span', context);
  const event = conditions(config, 'spanevent', context);
  if (config.text('error_mode', 'propagate') === 'propagate') {
    context.notes.push('Where OTTL meets an error (a function on a value of another type), the Collector gives up on this policy for the trace; here the condition just does not hold.');
  }
  if (span === null && event === null) throw new NoEqual('it has no condition; the Collector refuses it too');
  if (event === null) return onSpans(span ?? 'false');
  if (span === null) return onEvents(event);
  const either = [...onSpans(span).conditions, ...onEvents(event).conditions].map(conditionSql).join(' OR ');
  return onTraces(`(${either})`, `NOT (${either})`);
}

function conditions(config: Written, context: OttlContext, { keys }: PolicyContext): string | null {
  const texts = config.texts(context);
  if (texts.length === 0) return null;
  const sql = new OttlSql(context, keys);
  return texts.map((text) => (texts.length === 1 ? sql.whole(parseOttl(text)) : sql.condition(parseOttl(text)))).join(' OR ');
}
