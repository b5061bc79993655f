import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PolicySet, PolicySets } from '../../../src/pipeline/policy-sets.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { slotPlanOf } from '../../../src/policy/slot-plan-of.ts';
import type { SlotPlan } from '../../../src/store/slot-plan.ts';
import { keyReads, reading } from '../../sql/store/projected.ts';

/**
 * Strategy: random comings of policy sets, slots and windows against a model in which what a set reads and what a slot holds are sets of words.
 * Invariants: a window is decided by the newest set that all of its slots can serve, and there always is one; few sets wait;
 * once nothing old is open, the newest decides and new slots hold just what it reads.
 * Control: new slots that hold what the newest set reads, and not what those before it read, leave windows that no set can decide.
 */
const seed = Number(process.env['SEED'] ?? 20_261_121);

interface Reading {
  readonly keys: readonly string[];
  readonly isNameRead: boolean;
  readonly eventKeys: readonly string[] | null;
  readonly starKeys: readonly string[] | 'all' | null;
}

const someKeys = fc.subarray(['u', 'v', 'w'], { maxLength: 3 });
const readings: fc.Arbitrary<Reading> = fc.record({
  keys: someKeys, isNameRead: fc.boolean(), eventKeys: fc.option(someKeys, { freq: 1 }), starKeys: fc.option(fc.oneof(someKeys, fc.constant('all' as const)), { freq: 1 }),
});

type Action = { readonly kind: 'set'; readonly reading: Reading } | { readonly kind: 'slot' } | { readonly kind: 'window' };
const actions: fc.Arbitrary<Action[]> = fc.array(fc.oneof(
  { weight: 2, arbitrary: readings.map((reading): Action => ({ kind: 'set', reading })) },
  { weight: 3, arbitrary: fc.constant<Action>({ kind: 'slot' }) },
  { weight: 3, arbitrary: fc.constant<Action>({ kind: 'window' }) },
), { maxLength: 40 });

function policyOf({ keys, isNameRead, eventKeys, starKeys }: Reading): CompiledPolicy {
  return reading('traces', [
    { view: 'spans', columns: isNameRead ? ['name'] : [], keys: keyReads('attributes', keys.map((key) => [key, 'VARCHAR'])) },
    ...(eventKeys === null ? [] : [{ view: 'span_events' as const, columns: ['name'], keys: keyReads('attributes', eventKeys.map((key) => [key, 'VARCHAR'])) }]),
  ], starKeys === null ? [] : [{ star: 'span_attrs', keys: starKeys, columns: [] }]);
}

const allOf = ['u', 'v', 'w', 'any other'];

function wordsRead({ keys, isNameRead, eventKeys, starKeys }: Reading): string[] {
  return [
    ...keys.map((key) => `key ${key}`), ...(isNameRead ? ['name'] : []),
    ...(eventKeys === null ? [] : ['events', ...eventKeys.map((key) => `event key ${key}`)]),
    ...(starKeys === null ? [] : ['star', ...(starKeys === 'all' ? allOf : starKeys).map((key) => `star ${key}`)]),
  ];
}

function wordsHeld(plan: SlotPlan): Set<string> {
  return new Set([
    ...plan.keys.map(({ key }) => `key ${key}`), ...plan.fields,
    ...plan.children.flatMap(({ keys }) => ['events', ...keys.map(({ key }) => `event key ${key}`)]),
    ...plan.stars.flatMap(({ keys }) => ['star', ...(keys === 'all' ? allOf : keys).map((key) => `star ${key}`)]),
  ]);
}

/** Plays actions; what went wrong. `planOfSlot` gives a new slot's plan. */
function play(played: readonly Action[], planOfSlot: (sets: PolicySets, newest: PolicySet) => SlotPlan): string[] {
  const none: Reading = { keys: [], isNameRead: false, eventKeys: null, starKeys: null };
  const known: { readonly set: PolicySet; readonly words: readonly string[] }[] = [];
  const leftOut = new Set<number>();
  const open: SlotPlan[] = [];
  const complaints: string[] = [];
  const make = (reading: Reading): PolicySet => {
    const set = { generation: known.length + 1, policies: [policyOf(reading)] };
    known.push({ set, words: wordsRead(reading) });
    return set;
  };
  const newest = (): PolicySet => known[known.length - 1].set;
  const sets = new PolicySets('traces', [], make(none));
  const decide = (): void => {
    const held = open.map(wordsHeld);
    const chosen = sets.choose(open).generation;
    const expected = known.findLast(({ set, words }) => !leftOut.has(set.generation) && words.every((word) => held.every((slot) => slot.has(word))))?.set.generation;
    if (chosen !== expected) complaints.push(`window decided by ${chosen}, not ${expected}`);
    sets.forget(open);
    open.shift();
  };
  for (const action of played) {
    if (action.kind === 'slot') open.push(planOfSlot(sets, newest()));
    else if (action.kind === 'window' && open.length > 0) decide();
    else if (action.kind === 'set') {
      const before = sets.generations;
      sets.add(make(action.reading), open);
      if (before.length === 3) leftOut.add(before[2]);
    }
    if (sets.generations.length > 3) complaints.push(`${sets.generations.length} sets are held`);
    if (sets.generations.at(-1) !== newest().generation) complaints.push('the newest is not held');
  }
  while (open.length > 0) decide();
  open.push(planOfSlot(sets, newest()));
  decide();
  sets.forget(open);
  if (sets.generations.length !== 1) complaints.push('sets still wait at the end');
  const words = known[known.length - 1].words;
  if (wordsHeld(sets.plan).size !== new Set(words).size) complaints.push('new slots hold what nobody reads');
  return complaints;
}

describe(`policy sets, seed ${seed}`, () => {
  test('a window is decided by the newest set that its slots can serve', () => {
    fc.assert(fc.property(actions, (played) => {
      expect(play(played, (sets) => sets.plan)).toEqual([]);
    }), { seed, numRuns: 1500 });
  });

  test('control: slots that hold what the newest reads alone', () => {
    const run = fc.check(fc.property(actions, (played) => {
      expect(play(played, (_, newest) => slotPlanOf('traces', newest.policies))).toEqual([]);
    }), { seed, numRuns: 1500 });
    expect(run.failed).toBe(true);
  });

  test('under a stream of changes that never pauses, sets get their turn', () => {
    const sets = new PolicySets('traces', [], { generation: 1, policies: [] });
    const open: SlotPlan[] = [];
    const decided = new Set<number>();
    for (let n = 2; n < 40; n++) {
      sets.add({ generation: n, policies: [policyOf({ keys: [`k${n}`], isNameRead: false, eventKeys: null, starKeys: null })] }, open);
      open.push(sets.plan);
      if (open.length <= 5) continue;
      decided.add(sets.choose(open).generation);
      open.shift();
      sets.forget(open);
    }
    expect(decided.size).toBeGreaterThan(5);
    expect(sets.plan.keys.length).toBeLessThanOrEqual(3);
  });
});
