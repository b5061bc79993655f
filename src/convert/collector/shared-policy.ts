import { suggestion } from '../../base/suggest.ts';
import { NoEqual } from '../finding.ts';
import { ottlCondition } from '../ottl/ottl-condition.ts';
import type { Written } from '../written.ts';
import { booleanAttribute, numericAttribute, stringAttribute } from './attribute-policies.ts';
import type { PolicyContext } from './context.ts';
import { bytesLimiting, probabilistic, rateLimiting } from './limits.ts';
import { allOf, everything, opposite, type Selection } from './selection.ts';
import { latency, spanCount, statusCode, traceFlags, traceState } from './trace-policies.ts';

type Convert = (config: Written, context: PolicyContext) => Selection;

/** Policy types that may stand in others, each reading the section of its own name. */
const sharedTypes: { readonly [type: string]: Convert } = {
  always_sample: () => everything,
  latency,
  numeric_attribute: numericAttribute,
  string_attribute: stringAttribute,
  boolean_attribute: booleanAttribute,
  probabilistic,
  status_code: statusCode,
  trace_state: traceState,
  trace_flags: traceFlags,
  rate_limiting: rateLimiting,
  bytes_limiting: bytesLimiting,
  span_count: spanCount,
  ottl_condition: ottlCondition,
};

/** Every type of the Collector's policies. */
export const policyTypes: readonly string[] = [...Object.keys(sharedTypes), 'and', 'not', 'drop', 'composite'];

/** What a policy of one type takes. `allowed`: types of others that may stand here. Throws NoEqual. */
export function selectionOf(policy: Written, context: PolicyContext, allowed: readonly ('and' | 'not')[]): Selection {
  const type = policy.text('type');
  policy.text('name');
  const convert = sharedTypes[type];
  let selection: Selection;
  if (convert !== undefined) selection = readSection(policy, type, context, convert);
  else if (type === 'and' && allowed.includes('and')) selection = readSection(policy, 'and', context, andPolicy);
  else if (type === 'not' && allowed.includes('not')) selection = readSection(policy, 'not', context, notPolicy);
  else throw new NoEqual(policyTypes.includes(type) ? `${type} cannot stand here; the Collector refuses it too` : `policies of type ${type === '' ? '(none)' : type} come from an extension or are not known${suggestion(type, policyTypes)}`);
  policy.reportUnread(context.findings);
  return selection;
}

function readSection(policy: Written, name: string, context: PolicyContext, convert: Convert): Selection {
  const config = policy.section(name);
  const selection = convert(config, context);
  config.reportUnread(context.findings);
  return selection;
}

function andPolicy(config: Written, context: PolicyContext): Selection {
  return subPolicies(config, 'and_sub_policy', context);
}

/** All sub-policies of a list together, as `and` and `drop` have them. */
export function subPolicies(config: Written, key: string, context: PolicyContext): Selection {
  const subs = config.sections(key);
  if (subs.length === 0) context.findings.warning(config.place, `has no ${key}, so it is for every trace`);
  const limited = subs.findIndex((sub) => sub.text('type').endsWith('_limiting'));
  if (limited >= 0 && limited < subs.length - 1) {
    context.findings.note(subs[limited].place, 'stands before other conditions, so the Collector also takes off its budget what these refuse; here the budget is for what fulfils all');
  }
  return allOf(subs.map((sub) => selectionOf(sub, context, ['not'])));
}

function notPolicy(config: Written, context: PolicyContext): Selection {
  const sub = config.section('not_sub_policy');
  const inverted = opposite(selectionOf(sub, context, []));
  if (inverted === null) throw new NoEqual(`what a policy of type ${sub.text('type')} leaves out has no probability that is known`);
  return inverted;
}
