import { beforeAll, describe, expect, test } from 'vitest';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { readCapture } from '../../support/captures.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { type Outcome, tailSampling, withoutTailSampling } from '../../support/tail-sampling.ts';
import { difference, outcomeOf } from './decisions.ts';
import { generatedTraces } from './generated-traces.ts';
import { keptBy, keptByTexts } from './kept-by.ts';
import { combined, leaves } from './tail-sampling-policies.ts';

const reason = withoutTailSampling();
if (reason !== null) console.warn(`skipped: ${reason}`);
const traceCount = 5000;
const batches = generatedTraces(traceCount, 161);
const requests = batches.map(toOtlp);

function alone(policies: readonly Record<string, unknown>[]): Record<string, unknown> {
  return Object.fromEntries(policies.map((policy) => [String(policy['name']), { policies: [policy] }]));
}

/** Few enough for one run: sets of names, by which kept items tell their policies, are bounded. */
function groupsOf<T>(policies: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(policies.length / 8) }, (_, index) => policies.slice(index * 8, index * 8 + 8));
}

describe.skipIf(reason !== null)('decisions are those of the Collector\'s processor, trace by trace', () => {
  const policies = [...leaves, ...combined];
  let theirs: ReadonlyMap<string, Outcome>;
  const ours = new Map<string, ReadonlySet<string>>();

  beforeAll(async () => {
    theirs = tailSampling(requests, alone(policies));
    for (const group of groupsOf(policies)) {
      const { byPolicy } = await keptBy(group, batches);
      for (const { name } of group) ours.set(String(name), byPolicy.get(String(name)) ?? new Set());
    }
  });

  test.each(policies.map(({ name }) => String(name)))('%s', (name) => {
    const { kept } = outcomeOf(theirs, name);
    if (!['always', 'not_always', 'rate_limit_wide'].includes(name)) {
      expect(kept.length, 'a policy that takes all or nothing tests nothing').toBeGreaterThan(traceCount / 200);
      expect(kept.length).toBeLessThan(traceCount * 0.995);
    }
    expect(difference(kept, ours.get(name))).toEqual([]);
  });
});

// What one would write first, and is not what the Collector does: the comparison must find each.
describe.skipIf(reason !== null)('wrong variants are found', () => {
  test.each([
    ['latency', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE duration > INTERVAL 500 MILLISECONDS'],
    ['text', "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['app.tier'] IN ('gold', 'bronze')"],
    ['text', "SELECT trace_id, 1.0 AS probability FROM spans WHERE coalesce(attributes['app.tier'], resource['app.tier']) IN ('gold', 'bronze')"],
    ['text_invert', "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['app.tier'] <> 'gold' OR resource['app.tier'] <> 'gold'"],
    ['text_regex', "SELECT trace_id, 1.0 AS probability FROM spans WHERE regexp_full_match(attributes['http.url'], '^/api|health$')"],
    ['text_regex_empty', "SELECT trace_id, 1.0 AS probability FROM spans WHERE regexp_matches(attributes['app.tier'], '^(silver)?$') OR regexp_matches(resource['app.tier'], '^(silver)?$')"],
    ['status_two', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE root_status_code IN (0, 2)'],
    ['trace_state', "SELECT trace_id, 1.0 AS probability FROM spans WHERE trace_state LIKE '%vendor=a%' OR trace_state LIKE '%vendor=c%'"],
    ['span_count_max', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count > 2 AND span_count <= 4'],
    ['ottl_missing', "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['app.tier'] <> 'gold' AND coalesce(name, '') = ''"],
  ])('%s as %s', async (name, text) => {
    const [first] = batches;
    const { kept } = outcomeOf(tailSampling([toOtlp(first)], alone(leaves.filter((leaf) => leaf['name'] === name))), name);
    expect(difference(kept, (await keptByTexts([{ name, text }], 'union', [first])).traces)).not.toEqual([]);
  });
});

describe.skipIf(reason !== null)('recorded traces', () => {
  // What the Collector takes between two latencies depends on the order of spans.
  const all = [...leaves, ...combined].filter(({ name }) => !/latency_between/.test(String(name)));

  test.each([['collector_traces', all], ['traces_zstd', all.filter((_, index) => index % 16 === 1)]] as const)('%s', async (capture, policies) => {
    const theirs = tailSampling(readTruth(capture), alone(policies));
    for (const group of groupsOf(policies)) {
      const ours = await keptBy(group, { messages: readCapture(capture) });
      for (const { name } of group) expect(difference(outcomeOf(theirs, String(name)).kept, ours.byPolicy.get(String(name))), String(name)).toEqual([]);
    }
  });
});
