import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deferred, type Deferred } from '../../../src/base/deferred.ts';
import { type QueuedExporter, QueuedSink } from '../../../src/exporters/queued-sink.ts';
import type { ExportResult } from '../../../src/exporters/retry.ts';
import { outputBytes } from '../../../src/otap/take/output-size.ts';
import { outputOf } from './synthetic.ts';

const batch = outputOf(Array.from({ length: 10 }, (_, index) => ({ trace: index, startMs: 5 })));
const size = outputBytes(batch);

function scene(bytesMax: number, onFull: 'wait' | 'drop' = 'wait') {
  const under: Deferred<ExportResult>[] = [];
  const results: string[] = [];
  const exporter: QueuedExporter = {
    export: () => {
      const done = deferred<ExportResult>();
      under.push(done);
      return done.promise;
    },
    close: () => Promise.resolve(),
  };
  const sink = new QueuedSink(exporter, {
    name: 'otap', bytesMax, onFull, onResult: (signal, items, result) => results.push(`${signal} ${items} ${result.kind}`), onDropped: (signal, items) => results.push(`${signal} ${items} dropped`),
  });
  return { under, results, sink };
}

describe('the queue before an exporter', () => {
  test('takes what fits, lets the rest wait, and counts what is not acknowledged', async () => {
    const { under, results, sink } = scene(size * 2);
    const taken: number[] = [];
    const pushes = [0, 1, 2, 3].map((n) => sink.push(batch).then(() => taken.push(n)));
    await turn();
    expect([taken, under.length, sink.queuedBytes]).toEqual([[0, 1], 2, size * 2]);
    under[0].resolve({ kind: 'ok' });
    await turn();
    expect([taken, sink.queuedBytes]).toEqual([[0, 1, 2], size * 2]);
    under[1].resolve({ kind: 'permanent', reason: 'refused', message: '' });
    under[2].reject(new Error('a bug'));
    await turn();
    await Promise.all(pushes);
    under[3].resolve({ kind: 'ok' });
    await turn();
    expect([taken, sink.queuedBytes]).toEqual([[0, 1, 2, 3], 0]);
    expect(results).toEqual(['traces 10 ok', 'traces 10 permanent', 'traces 10 permanent', 'traces 10 ok']);
  });

  test('a batch larger than the queue goes when it is empty, alone', async () => {
    const { under, sink } = scene(1);
    const first = sink.push(batch);
    let isSecondIn = false;
    const second = sink.push(batch).then(() => { isSecondIn = true; });
    await first;
    await turn();
    expect([under.length, isSecondIn]).toEqual([1, false]);
    under[0].resolve({ kind: 'ok' });
    await second;
    expect(under.length).toBe(2);
  });

  test('with on_full: drop nobody waits: what it has no room for is lost and told, and it takes more when it has room again', async () => {
    const { under, results, sink } = scene(size * 2, 'drop');
    for (let i = 0; i < 4; i++) await sink.push(batch);
    expect([under.length, sink.queuedBytes, results]).toEqual([2, size * 2, ['traces 10 dropped', 'traces 10 dropped']]);
    under[0].resolve({ kind: 'ok' });
    await turn();
    await sink.push(batch);
    expect([under.length, sink.queuedBytes]).toEqual([3, size * 2]);
  });

  test('those that wait are let go once it is to drop when it is full', async () => {
    const { under, results, sink } = scene(size);
    const pushes = [sink.push(batch), sink.push(batch), sink.push(batch)];
    await turn();
    expect(results).toEqual([]);
    sink.dropWhenFull();
    await Promise.all(pushes);
    expect([under.length, results]).toEqual([1, ['traces 10 dropped', 'traces 10 dropped']]);
  });
});
