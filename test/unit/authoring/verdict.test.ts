import { describe, expect, test } from 'vitest';
import type { ItemStory } from '../../../src/authoring/explain/item.ts';
import type { Said } from '../../../src/authoring/explain/named-as.ts';
import { verdictOf } from '../../../src/authoring/explain/verdict.ts';
import { meaningIn } from '../../../src/authoring/explain/function-docs.ts';
import { planLines } from '../../../src/authoring/explain/plan.ts';
import { withoutParentheses } from '../../../src/authoring/explain/sql-text.ts';

const whole = 2n ** 56n;

function said(policy: string, p: number | null, more: Partial<Said> = {}): Said {
  return { policy, mode: 'enforce', n: p === null ? null : BigInt(p * 2 ** 56), splitN: null, error: null, ...more };
}

/** An item of u = 0.3: kept at 0.3 and above. */
function story(policies: readonly Said[], more: Partial<ItemStory> = {}): ItemStory {
  return {
    signal: 'traces', traceId: 'ab'.repeat(16), services: ['web'], items: 1, randomness: whole - BigInt(0.3 * 2 ** 56), nIn: whole, leaves: 'exact', windowNano: 0n,
    said: policies, kept: 0, output: null, ...more,
  };
}

const settings = { combine: 'union', fallback: 1 } as const;

describe('verdicts', () => {
  test('union takes the greatest, first_match the first that names; thresholds as th writes them', () => {
    const both = story([said('a', 0.25), said('b', null), said('c', 0.5)], { kept: 1 });
    expect(verdictOf(both, settings)).toMatchObject({ probability: 0.5, threshold: '8', isKept: true, because: 'R reaches the threshold of probability 0.5: kept.' });
    expect(verdictOf(both, settings).policies).toMatchObject([
      { probability: 0.25, threshold: 'c', reaches: false, adjustedCount: 4 }, { named: false, threshold: null, reaches: null }, { threshold: '8', reaches: true, adjustedCount: 2 }]);
    const first = verdictOf({ ...both, kept: 0 }, { combine: 'first_match', fallback: 1 });
    expect(first).toMatchObject({ probability: 0.25, because: 'R does not reach the threshold of probability 0.25: dropped.' });
  });

  test('a drop policy is a ceiling, 0 where nothing is left; a shadow changes nothing', () => {
    expect(verdictOf(story([said('d', 0.125, { mode: 'drop' }), said('a', 1)]), settings)).toMatchObject({ probability: 0.125, because: 'A ceiling of 0.125 holds, and R does not reach its threshold: dropped.' });
    expect(verdictOf(story([said('d', 0, { mode: 'drop' }), said('a', 1)]), settings)).toMatchObject({ probability: 0, threshold: null, because: expect.stringContaining('ceiling 0') });
    expect(verdictOf(story([said('s', 1, { mode: 'shadow' }), said('a', null)]), settings)).toMatchObject({ probability: 0, because: 'No policy that keeps names it: dropped.' });
  });

  test('what it came with is never raised; a failed policy is the fallback', () => {
    expect(verdictOf(story([said('a', 1)], { nIn: whole / 4n }), settings)).toMatchObject({ probability: 0.25, policies: [{ probability: 1, adjustedCount: 4 }] });
    expect(verdictOf(story([said('a', null, { error: 'too slow' })], { kept: 1 }), { combine: 'union', fallback: 0.5 })).toMatchObject({ probability: 0.5, policies: [{ named: false, note: 'failed (too slow), so the fallback holds' }] });
  });

  test('kept by a hash of its own, and too late for a window', () => {
    expect(verdictOf(story([said('a', null, { splitN: whole / 2n })], { kept: 1 }), settings).because).toBe('A hash of its own keeps it: its trace is larger than the sample.');
    expect(verdictOf(story([], { windowNano: null }), settings).because).toContain('No window decided it');
  });
});

describe('texts', () => {
  test('parentheses go only where they enclose all of it', () => {
    expect(withoutParentheses("((a = '(') AND (b))")).toBe("(a = '(') AND (b)");
    expect(withoutParentheses('(a) OR (b)')).toBe('(a) OR (b)');
  });

  test('the meaning of a function is the first paragraph behind its signature', () => {
    expect(meaningIn('-- f(item, k), f(row): aggregate. A sample\n-- of k rows.\n--\n-- k   how many\nCREATE MACRO')).toBe('A sample of k rows.');
  });

  test('plans leave out projections and guesses', () => {
    const scan = { name: 'SEQ_SCAN', extra_info: { Table: 'memory.main.traces', 'Estimated Cardinality': '0', Projections: ['a'] }, children: [] };
    expect(planLines([{ name: 'PROJECTION', extra_info: {}, children: [{ name: 'HASH_GROUP_BY', extra_info: { Groups: '#0' }, children: [scan] }] }])).toEqual(['group', '  scan traces']);
  });
});
