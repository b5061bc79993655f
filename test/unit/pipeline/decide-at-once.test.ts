import { expect, test } from 'vitest';
import { certainPolicies } from '../../../src/pipeline/certain-policies.ts';
import { openPolicies } from '../../../src/policies.ts';
import { openFlow } from '../../sql/store/support.ts';
import { child, root, Scene } from './early-scene.ts';

const windows = { tracesLengthMs: 10_000, tracesWaitMs: 30_000, logsLengthMs: 10_000 };
const atOnce = { windows: { ...windows, early: { waitAfterRootMs: null, limits: null, isAtOnce: true } } };
const large = 'SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count > 2 UNION ALL SELECT trace_id, 0.25 AS probability FROM traces';

test('a trace leaves as soon as its outcome is certain, what comes of it follows, and others wait', async () => {
  const scene = await Scene.open(large, [[root(1, 'a'), child(1, 'b'), root(2, 'c')], [child(1, 'd')], [child(1, 'e'), child(2, 'f')]], atOnce);
  await scene.arrive(1);
  expect(await scene.at(2)).toEqual([]);
  await scene.arrive(3);
  expect(await scene.at(4)).toEqual(['a', 'b', 'd']);
  await scene.arrive(5);
  expect(await scene.at(6)).toEqual(['e']);
  expect(await scene.at(40)).toEqual(['c x4', 'f x4']);
  expect(scene.tally.bySignal.traces).toMatchObject({ windows: 1, decided: 5, kept: 6, lateKept: 1, earlyTraces: 1 });
  expect(scene.tally.firstError).toBeNull();
  scene.close();
});

test('off, nothing leaves before its window', async () => {
  const scene = await Scene.open(large, [[root(1, 'a'), child(1, 'b'), child(1, 'c')]], { windows });
  await scene.arrive(1);
  expect(await scene.at(9)).toEqual([]);
  expect(await scene.at(40)).toEqual(['a', 'b', 'c']);
  scene.close();
});

// Guarantees (sampling.md, rule 11): evidence that came with less may give way to what comes with more, so it decides nothing for good; nor does what is of unknown probability.
test('a trace of which only less-sampled spans are there waits', async () => {
  const sampled = { ...root(1, 'a'), traceState: 'ot=th:8' };
  const scene = await Scene.open('SELECT trace_id, 1.0 AS probability FROM spans', [[sampled, { ...child(2, 'b'), traceState: 'ot=th:8' }, root(3, 'c')], [child(2, 'd')]], atOnce);
  await scene.arrive(1);
  expect(await scene.at(2)).toEqual(['c']);
  await scene.arrive(3);
  expect(await scene.at(4), 'its greatest probability is 1 now').toEqual(['b x2', 'd']);
  expect(await scene.at(40)).toEqual(['a x2']);
  scene.close();
});

test('what fails decides nothing, and windows go on', async () => {
  const sql = "SELECT trace_id, 1.0 AS probability FROM spans WHERE name::INTEGER > 3 UNION ALL SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name = 'a'";
  const scene = await Scene.open(sql, [[root(1, 'a')]], { ...atOnce, fallback: { n: 2n ** 55n } });
  await scene.arrive(1);
  expect(await scene.at(2)).toEqual([]);
  expect(await scene.at(40)).toEqual(['a x2']);
  expect(scene.tally.bySignal.traces).toMatchObject({ earlyTraces: 0 });
  scene.close();
});

test('only policies that nothing can go over decide', async () => {
  const texts = [
    { name: 'tenth', text: 'SELECT trace_id, 0.1 AS probability FROM traces' },
    { name: 'errors', text: 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error' },
    { name: 'shown', text: '-- mode: shadow\nSELECT trace_id, 1.0 AS probability FROM traces WHERE has_error' },
    { name: 'drop', text: "-- mode: drop\nSELECT trace_id FROM traces WHERE root_name = 'health'" },
  ];
  const [tenth, errors, shown, drop] = (await openPolicies(texts)).policies;
  const names = (...[of, combine]: Parameters<typeof certainPolicies>): string[] => certainPolicies(of, combine).map(({ name }) => name);
  expect(names([tenth, errors, shown], 'union')).toEqual(['errors']);
  expect(names([tenth, errors], 'first_match')).toEqual([]);
  expect(names([errors, tenth], 'first_match')).toEqual(['errors']);
  expect(names([errors, drop], 'union'), 'it may yet be dropped').toEqual([]);
});

test('it cannot go with linked traces', async () => {
  await expect(openFlow({ windows: { ...atOnce.windows, linked: { spanLinks: true, sessionKey: null } } })).rejects.toThrow('cannot go with linked');
});
