import { beforeAll, describe, expect, test } from 'vitest';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { readCapture } from '../../support/captures.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { type Outcome, tailSampling, withoutTailSampling } from '../../support/tail-sampling.ts';
import { difference, outcomeOf } from './decisions.ts';
import { generatedTraces } from './generated-traces.ts';
import { keptBy } from './kept-by.ts';
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

describe.skipIf(reason !== null)('recorded traces', () => {
  // What the Collector takes between two latencies depends on the order of spans.
  const all = [...leaves, ...combined].filter(({ name }) => !/latency_between/.test(String(name)));

  test.each([['collector_traces', all], ['traces_zstd', all.filter((_, index) => index % 9 === 1)]] as const)('%s', async (capture, policies) => {
    const theirs = tailSampling(readTruth(capture), alone(policies));
    for (const group of groupsOf(policies)) {
      const ours = await keptBy(group, { messages: readCapture(capture) });
      for (const { name } of group) expect(difference(outcomeOf(theirs, String(name)).kept, ours.byPolicy.get(String(name))), String(name)).toEqual([]);
    }
  });
});
