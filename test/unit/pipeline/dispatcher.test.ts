import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { Dispatcher } from '../../../src/pipeline/dispatcher.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type SpanSpec, spanBatch, spansOf } from './synthetic.ts';

const noLoss = (): void => {
  throw new Error('nothing should be lost');
};

function spans(from: number, count: number): SpanSpec[] {
  return Array.from({ length: count }, (_, index) => ({ trace: from + index, name: `span ${from + index}`, startMs: 1000 }));
}

function rows(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, row) => row);
}

function stampsOf(counts: readonly number[]) {
  return { adjustedCount: Float64Array.from(counts), traceState: null, threshold: null, randomness: null };
}

function names(sink: CollectingSink): string[] {
  return spansOf(sink.messages('traces')).map(({ name }) => name).sort();
}

describe('the dispatcher', () => {
  test('makes batches of just the rows it may, whatever comes, each row with its own stamp', async () => {
    const sink = new CollectingSink();
    const dispatcher = new Dispatcher('traces', 10, [sink], () => 0, noLoss);
    let sent = 0;
    for (const count of [3, 10, 1, 25, 0, 9]) {
      await dispatcher.add(spanBatch(spans(sent, count)), rows(count), stampsOf(Array.from({ length: count }, (_, i) => sent + i + 1)));
      sent += count;
    }
    expect(sink.rowCounts).toEqual([10, 10, 10, 10]);
    await dispatcher.flush();
    await dispatcher.flush();
    expect(sink.rowCounts).toEqual([10, 10, 10, 10, 8]);
    const seen = spansOf(sink.messages('traces'));
    expect(seen.map(({ name, count }) => `${name} ${count}`).sort()).toEqual(Array.from({ length: 48 }, (_, i) => `span ${i} ${i + 1}`).sort());
  });

  test('callers overlap: batches go whole, in the order of the calls', async () => {
    const gates: (() => void)[] = [];
    const pushed: number[] = [];
    const sink: BatchSink = {
      name: 'slow', queuedBytes: 0, drain: () => Promise.resolve(),
      push: async (batch: OutputBatch) => {
        await new Promise<void>((resolve) => gates.push(resolve));
        pushed.push(batch.rowCount);
      },
    };
    const dispatcher = new Dispatcher('traces', 4, [sink], () => 0, noLoss);
    const done: string[] = [];
    const work = [6, 1, 3].map((count, index) => dispatcher.add(spanBatch(spans(index * 10, count)), rows(count), null).then(() => done.push(`add ${count}`)));
    work.push(dispatcher.flush().then(() => done.push('flush')));
    for (let i = 0; i < 20; i++) {
      await turn();
      gates.shift()?.();
    }
    await Promise.all(work);
    expect(pushed).toEqual([4, 4, 2]);
    expect(done).toEqual(['add 6', 'add 1', 'add 3', 'flush']);
  });

  test('a sink that fails loses its rows only, and is told of; the other has them all', async () => {
    const lost: string[] = [];
    let pushes = 0;
    const broken: BatchSink = { name: 'broken', queuedBytes: 0, drain: () => Promise.resolve(), push: () => (pushes++ === 1 ? Promise.reject(new Error('disk full')) : Promise.resolve()) };
    const good = new CollectingSink();
    const dispatcher = new Dispatcher('traces', 2, [broken, good], () => 0, (sink, count, error) => lost.push(`${sink} ${count} ${String(error)}`));
    await dispatcher.add(spanBatch(spans(0, 6)), rows(6), null);
    expect(lost).toEqual(['broken 2 Error: disk full']);
    expect(names(good)).toHaveLength(6);
  });

  test('a batch that cannot be read is refused to its caller, and the next one goes on', async () => {
    const sink = new CollectingSink();
    const dispatcher = new Dispatcher('traces', 100, [sink], () => 0, noLoss);
    const bad = { ...spanBatch(spans(0, 2)), table: () => { throw new Error('unreadable'); } };
    await expect(dispatcher.add(bad, rows(2), null)).rejects.toThrow('unreadable');
    await dispatcher.add(spanBatch(spans(5, 1)), rows(1), null);
    await dispatcher.flush();
    expect(names(sink)).toEqual(['span 5']);
  });

  test('lets others have their turn after some time of work', async () => {
    let now = 0;
    const dispatcher = new Dispatcher('traces', 100, [], () => now, noLoss);
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    for (let i = 0; i < 20; i++) {
      now += 9;
      await dispatcher.add(spanBatch(spans(0, 1)), rows(1), null);
    }
    clearInterval(counting);
    expect(turns).toBeGreaterThan(0);
  });
});
