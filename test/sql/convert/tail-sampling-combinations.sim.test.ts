import { describe, expect, test } from 'vitest';
import { mulberry } from '../../support/mulberry.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { tailSampling, withoutTailSampling } from '../../support/tail-sampling.ts';
import { difference, outcomeOf } from './decisions.ts';
import { generatedTraces } from './generated-traces.ts';
import { keptBy } from './kept-by.ts';
import { andOf, dropOf, leaves, notOf } from './tail-sampling-policies.ts';

const reason = withoutTailSampling();
if (reason !== null) console.warn(`skipped: ${reason}`);
const seed = 50;

/** Some policies, some of them `and` and `drop` of others. */
function randomPolicies(next: () => number): readonly Record<string, unknown>[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)];
  const sub = (): Record<string, unknown> => (next() < 0.3 ? notOf(pick(leaves.slice(1))) : pick(leaves.slice(1)));
  const readable = (): Record<string, unknown> => {
    const found = sub();
    return JSON.stringify(found).includes('trace_state') ? readable() : found;
  };
  const distinct = new Map<unknown, Record<string, unknown>>();
  for (let count = 1 + Math.floor(next() * 4); count > 0; count--) {
    const made = next() < 0.5 ? sub() : andOf(`and_${count}`, Array.from({ length: 2 + Math.floor(next() * 2) }, sub));
    distinct.set(made['name'], made);
  }
  if (next() < 0.6) distinct.set('drop', dropOf('drop', Array.from({ length: 1 + Math.floor(next() * 3) }, readable)));
  return [...distinct.values()];
}

describe.skipIf(reason !== null)('random combinations', () => {
  const next = mulberry(seed);
  const batches = generatedTraces(5000, 161);
  const sets = Array.from({ length: 50 }, () => randomPolicies(next));

  test(`50 of them, seed ${seed}`, async () => {
    const theirs = tailSampling(batches.map(toOtlp), Object.fromEntries(sets.map((policies, index) => [String(index), { policies }])));
    for (const [index, policies] of sets.entries()) {
      const { traces, findings } = await keptBy(policies, batches);
      expect(findings.filter(({ severity }) => severity === 'error'), JSON.stringify(policies)).toEqual([]);
      expect(difference(outcomeOf(theirs, String(index)).kept, traces), JSON.stringify(policies)).toEqual([]);
    }
  });
});
