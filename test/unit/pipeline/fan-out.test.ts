import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { FanOut } from '../../../src/pipeline/fan-out.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { outputOf } from './synthetic.ts';

const push = (sink: BatchSink, batch: OutputBatch): Promise<void> => sink.push(batch);

const batch = outputOf([{ trace: 1, startMs: 5 }]);

/** A sink that notes what it gets and takes it when `gate` has resolved. */
function sinkOf(name: string, got: string[], gate: () => Promise<void> = () => Promise.resolve()): BatchSink {
  return {
    name, queuedBytes: 0, drain: () => Promise.resolve(),
    push: () => {
      got.push(name);
      return gate();
    },
  };
}

test('a sink that is full does not keep a batch from the others, whatever their order', async () => {
  const got: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const fanOut = new FanOut([sinkOf('full', got, () => promise), sinkOf('free', got)], push, () => undefined);
  let isTaken = false;
  const pushed = fanOut.push(batch).then(() => { isTaken = true; });
  await turn();
  expect([got, isTaken]).toEqual([['full', 'free'], false]);
  resolve();
  await pushed;
});

test('a sink that fails, at once or later, is told of, and costs the others nothing', async () => {
  const got: string[] = [];
  const lost: string[] = [];
  const broken = { ...sinkOf('broken', got), push: () => { throw new Error('disk full'); } };
  const fanOut = new FanOut([broken, sinkOf('late', got, () => Promise.reject(new Error('gone'))), sinkOf('good', got)], push, (sink, rows, error) => lost.push(`${sink} ${rows} ${String(error)}`));
  await fanOut.push(batch);
  expect([got, lost.sort()]).toEqual([['late', 'good'], ['broken 1 Error: disk full', 'late 1 Error: gone']]);
});

test('without sinks a batch is gone', async () => {
  await expect(new FanOut([], push, () => undefined).push(batch)).resolves.toBeUndefined();
});
