import { expect, test } from 'vitest';
import { child, root, Scene } from './early-scene.ts';

/** Slots of 10 s; traces are decided from 10 s after their slot on, once they have been quiet for 8 s, and at 60 s after it at the latest. */
const sessions = { windows: { tracesLengthMs: 10_000, tracesWaitMs: 60_000, logsLengthMs: 10_000, early: { waitAfterRootMs: null, limits: null, sessions: { gapMs: 8_000, waitMs: 10_000 } } } };
const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';

test('a trace that is quiet is decided when its time has come, one that grows when it has ended, and then its slot closes', async () => {
  const scene = await Scene.open(keepAll, [[root(1, 'a'), root(2, 'b')], [child(2, 'c')], [child(2, 'd')], [child(2, 'e'), child(1, 'late')]], sessions);
  await scene.arrive(1);
  expect(await scene.at(1)).toEqual([]);
  await scene.arrive(15);
  for (let second = 15; second < 20; second++) expect(await scene.at(second)).toEqual([]);
  expect(await scene.at(20), 'the other has had a span less than 8 s ago').toEqual(['a']);
  await scene.arrive(22);
  for (let second = 22; second <= 30; second++) expect(await scene.at(second)).toEqual([]);
  expect(await scene.at(36.5)).toEqual(['b', 'c', 'd']);
  await scene.arrive(37);
  expect(await scene.at(37)).toEqual(['e', 'late']);
  expect(await scene.at(60), 'slots to which nothing new came hold nobody up').toEqual([]);
  expect(scene.tally.bySignal.traces).toMatchObject({ windows: 4, earlyTraces: 1, decided: 4, kept: 6, lateKept: 2 });
  expect(scene.tally.sessionsCutTraces).toBe(0);
  expect(scene.tally.firstError).toBeNull();
  scene.close();
});

test('a trace that does not end is decided at the maximum, and slots close in order', async () => {
  const growing = Array.from({ length: 21 }, (_, i) => [child(1, `s${String(i).padStart(2, '0')}`), ...(i === 4 ? [root(2, 'next')] : [])]);
  const scene = await Scene.open(keepAll, growing, sessions);
  const left: string[] = [];
  for (let i = 0; i < 21; i++) {
    await scene.arrive(1 + i * 4);
    left.push(...(await scene.at(1 + i * 4)).map((name) => `${name}@${1 + i * 4}`), ...(await scene.at(3 + i * 4)).map((name) => `${name}@${3 + i * 4}`));
  }
  expect(left).toContain('next@31');
  expect(left.filter((name) => name.startsWith('s17'))).toEqual(['s17@71']);
  expect(left.filter((name) => name.startsWith('s18'))).toEqual(['s18@73']);
  expect(scene.tally.sessionsCutTraces).toBe(1);
  scene.close();
});

test('looks for traces that have ended hold up no others', async () => {
  const { windows } = sessions;
  const often = { windows: { ...windows, tracesLengthMs: 1000, early: { ...windows.early, isAtOnce: true, sessions: { gapMs: 1500, waitMs: 1000 } } } };
  const scene = await Scene.open('SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count > 6', Array.from({ length: 12 }, (_, i) => [child(1, `s${i}`)]), often);
  const left: string[] = [];
  for (let i = 0; i < 12; i++) {
    await scene.arrive(1 + i / 2);
    left.push(...(await scene.at(1.25 + i / 2)).map((name) => `${name}@${1.25 + i / 2}`));
  }
  expect(left.slice(0, 7).map((name) => name.slice(0, 2))).toEqual(['s0', 's1', 's2', 's3', 's4', 's5', 's6']);
  expect(left[0]).toBe('s0@4.25');
  scene.close();
});

test('without sessions it leaves in parts', async () => {
  const scene = await Scene.open(keepAll, [[root(1, 'a')], [child(1, 'b')], [child(1, 'c')]], { windows: { ...sessions.windows, tracesWaitMs: 10_000, early: { waitAfterRootMs: null, limits: null } } });
  await scene.arrive(1);
  await scene.arrive(15);
  expect(await scene.at(20)).toEqual(['a', 'b']);
  scene.close();
});
