import { expect, test } from 'vitest';
import { CollectingSink, openFlow } from '../../sql/store/support.ts';
import { child, root, Scene } from './early-scene.ts';
import { spansOf } from './synthetic.ts';

const windows = { tracesLengthMs: 10_000, tracesWaitMs: 30_000, logsLengthMs: 10_000 };
const afterRoot = { windows: { ...windows, early: { waitAfterRootMs: 2000, limits: null } } };
const limited = { windows: { ...windows, early: { waitAfterRootMs: null, limits: { spansMax: 3, bytesMax: Infinity } } } };
const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';

test('a window whose traces all have their roots closes when these have rested', async () => {
  const scene = await Scene.open(keepAll, [[root(1, 'a'), child(1, 'b')], [root(2, 'c')], [child(2, 'd')]], afterRoot);
  await scene.arrive(1);
  await scene.arrive(9);
  expect(await scene.at(10)).toEqual([]);
  expect(await scene.at(11.9)).toEqual([]);
  expect(await scene.at(12)).toEqual(['a', 'b', 'c']);
  await scene.arrive(13);
  expect(await scene.at(13)).toEqual(['d']);
  expect(scene.tally.bySignal.traces).toMatchObject({ windows: 1, decided: 3, kept: 4, lateKept: 1, earlyTraces: 0 });
  expect(scene.tally.firstError).toBeNull();
  scene.close();
});

test('traces with their roots do not wait for those without, and all leave once', async () => {
  const scene = await Scene.open(keepAll, [[root(1, 'a'), child(1, 'b'), child(2, 'c')], [root(2, 'd'), child(1, 'e')], [child(2, 'f'), child(3, 'g'), root(3, 'h')]], afterRoot);
  await scene.arrive(1);
  expect(await scene.at(10)).toEqual([]);
  expect(await scene.at(12)).toEqual(['a', 'b']);
  await scene.arrive(13);
  expect(await scene.at(13)).toEqual(['e']);
  await scene.arrive(14);
  expect(await scene.at(20)).toEqual([]);
  expect(await scene.at(22)).toEqual(['g', 'h']);
  expect(await scene.at(40)).toEqual(['c', 'd', 'f']);
  expect(await scene.at(80)).toEqual([]);
  expect(scene.tally.bySignal.traces).toMatchObject({ windows: 2, decided: 7, kept: 8, estimate: 8, lateKept: 1, earlyTraces: 2 });
  expect(scene.tally.firstError).toBeNull();
  scene.close();
});

test('a trace that grows too large is decided by what is there, and the rest follows; others wait', async () => {
  const scene = await Scene.open("SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count > 3 OR root_name = 'small'", [
    [root(1, 'a'), child(1, 'b')], [child(1, 'c'), child(1, 'd'), root(2, 'small')], [child(1, 'e')], [child(2, 'f')],
  ], limited);
  await scene.arrive(1);
  expect(await scene.at(2)).toEqual([]);
  await scene.arrive(3);
  expect(await scene.at(3)).toEqual(['a', 'b', 'c', 'd']);
  await scene.arrive(4);
  expect(await scene.at(4)).toEqual(['e']);
  await scene.arrive(5);
  expect(await scene.at(39)).toEqual([]);
  expect(await scene.at(40)).toEqual(['f', 'small']);
  expect(scene.tally.firstError).toBeNull();
  scene.close();
});

test('spans that come while their trace is decided early leave with its window, once', async () => {
  const scene = await Scene.open('SELECT trace_id, 0.5 AS probability FROM traces WHERE root_name = \'a\'', [
    [root(1, 'a'), root(2, 'b'), child(3, 'c')], [child(1, 'during'), child(2, 'no')], [child(1, 'after')],
  ], afterRoot);
  await scene.arrive(1);
  expect(await scene.at(10)).toEqual([]);
  const looking = scene.at(12);
  await scene.arrive(12);
  expect(await looking).toEqual(['a x2']);
  await scene.arrive(13);
  expect(await scene.at(13)).toEqual(['after x2']);
  expect(await scene.at(40)).toEqual(['during x2']);
  expect(scene.tally.bySignal.traces).toMatchObject({ decided: 5, kept: 3, lateKept: 1, earlyTraces: 2 });
  scene.close();
});

test('what the fallback decides leaves early decisions as they are, and sends nothing twice', async () => {
  const scene = await Scene.open('SELECT trace_id, 1.0 AS probability FROM traces', [
    [root(1, 'a'), child(1, 'b'), child(2, 'c')], [child(2, 'd')], [child(1, 'late')],
  ], { ...afterRoot, fallback: { n: 2n ** 55n } });
  await scene.arrive(1);
  expect(await scene.at(10)).toEqual([]);
  expect(await scene.at(12)).toEqual(['a', 'b']);
  await scene.arrive(13);
  scene.breakEngine();
  expect(await scene.at(40)).toEqual(['c x2', 'd x2']);
  await scene.arrive(41);
  expect(await scene.at(41)).toEqual(['late']);
  scene.close();
});

test('a policy that fails decides nothing early: the window goes by the fallback, and counts it once', async () => {
  const scene = await Scene.open('SELECT trace_id, CASE WHEN span_count > 0 THEN 7.0 ELSE 1.0 END AS probability FROM traces', [
    [root(1, 'a'), child(2, 'b')], [child(3, 'c'), child(3, 'd'), child(3, 'e'), child(3, 'f')],
  ], { windows: { ...windows, early: { waitAfterRootMs: 2000, limits: { spansMax: 3, bytesMax: Infinity } } }, fallback: { n: 2n ** 55n } });
  await scene.arrive(1);
  await scene.arrive(2);
  for (const second of [2, 3, 10, 12, 14]) expect(await scene.at(second)).toEqual([]);
  expect(scene.tally.bySignal.traces).toMatchObject({ earlyTraces: 0, policyFailures: 0 });
  expect(scene.tally.firstError).toContain('before its window');
  expect(await scene.at(40)).toEqual(['a x2', 'b x2', 'c x2', 'd x2', 'e x2', 'f x2']);
  expect(scene.tally.bySignal.traces).toMatchObject({ windows: 1, policyFailures: 1 });
  scene.close();
});

test('rows that were kept early are not among the dropped ones', async () => {
  const dropped = new CollectingSink();
  const kept = new CollectingSink();
  const route = { kept: [kept], dropped: [dropped] };
  const scene = await Scene.open("SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name = 'a'", [[root(1, 'a'), root(2, 'b'), child(3, 'c')]], {
    ...afterRoot, sinks: [kept, dropped], routes: { traces: route, logs: route, metrics: route },
  });
  await scene.arrive(1);
  await scene.at(10);
  await scene.at(12);
  expect(spansOf(kept.messages('traces')).map(({ name }) => name)).toEqual(['a']);
  expect(dropped.messages('traces')).toEqual([]);
  await scene.at(40);
  expect(spansOf(kept.messages('traces')).map(({ name }) => name)).toEqual(['a']);
  expect(spansOf(dropped.messages('traces')).map(({ name }) => name).sort()).toEqual(['b', 'c']);
  expect(scene.tally.bySignal.traces).toMatchObject({ decided: 3, kept: 1 });
  scene.close();
});

test('they cannot go with linked traces', async () => {
  await expect(openFlow({ windows: { ...afterRoot.windows, linked: { spanLinks: true, sessionKey: null } } })).rejects.toThrow('cannot go with linked');
});
