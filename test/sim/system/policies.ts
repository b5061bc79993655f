import { type OpenPolicies, openPolicies } from '../../../src/policies.ts';
import type { ItemClass } from './items.ts';

/** Policies that decide together, and the least probability that an item of a class gets from them; 0 where that hangs on others. */
export interface PolicySet {
  readonly open: OpenPolicies;
  readonly least: { readonly traces: { readonly [name in ItemClass]: number }; readonly logs: { readonly [name in ItemClass]: number } };
}

const logs = "SELECT id, CASE body WHEN 'must' THEN 1.0 WHEN 'often' THEN 0.5 ELSE 0.2 END AS probability FROM logs";
const byClass = { must: 1, often: 0.5, plain: 0.2 };
const sampled = { must: 1, often: 0, plain: 0 };

const texts: readonly { readonly traces: readonly string[]; readonly logs: readonly string[]; readonly least: PolicySet['least'] }[] = [
  {
    traces: ["SELECT trace_id, max(CASE name WHEN 'must' THEN 1.0 WHEN 'often' THEN 0.5 ELSE 0.2 END) AS probability FROM spans GROUP BY trace_id"],
    logs: [logs], least: { traces: byClass, logs: byClass },
  },
  {
    traces: ["SELECT trace_id, 1.0 AS probability FROM spans WHERE name = 'must'", 'SELECT unnest(bottom_k(item, 4), recursive := true) FROM traces'],
    logs: ["SELECT id, 1.0 AS probability FROM logs WHERE body = 'must'", 'SELECT unnest(bottom_k(item, 5), recursive := true) FROM logs'],
    least: { traces: sampled, logs: sampled },
  },
  {
    // Fails, in the windows that have a large trace.
    traces: ["SELECT trace_id, CASE WHEN span_count > 4 THEN 2.0 WHEN root_name = 'must' THEN 1.0 ELSE 0.3 END AS probability FROM traces"],
    logs: [logs], least: { traces: { must: 0.3, often: 0.3, plain: 0.3 }, logs: byClass },
  },
  {
    // No run draws it: half of the traces are kept, and said to be certain.
    traces: ["SELECT trace_id, 1.0 AS probability FROM traces WHERE hex(trace_id) < '8'"],
    logs: [logs], least: { traces: { must: 0, often: 0, plain: 0 }, logs: byClass },
  },
];

/** The number of the set whose estimates are wrong. */
export const biasedSet = 3;

let opened: Promise<readonly PolicySet[]> | null = null;

/** The sets that runs choose from; compiled once. */
export function policySets(): Promise<readonly PolicySet[]> {
  opened ??= Promise.all(texts.map(async ({ traces, logs: ofLogs, least }): Promise<PolicySet> => (
    { open: await openPolicies([...traces, ...ofLogs].map((text, index) => ({ name: `p${index}`, text }))), least })));
  return opened;
}

/** What a failing policy's items, and spans past the horizon, are kept with. */
export const fallback = 0.5;
