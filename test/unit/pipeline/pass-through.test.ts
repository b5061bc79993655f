import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { passThroughs } from '../../../src/pipeline/pass-through.ts';
import type { BatchSink, OnSettled, PushResult } from '../../../src/pipeline/sink.ts';
import { SinkDelivery } from '../../../src/pipeline/sink-delivery.ts';
import { spanBatch } from './synthetic.ts';

const batch = spanBatch(Array.from({ length: 10 }, (_, index) => ({ trace: index, startMs: 5 })));

/** A sink whose next hop answers when it is told to. */
class AskedSink implements BatchSink {
  readonly name: string;
  readonly queuedBytes = 0;
  readonly delivered = 0;
  readonly pushed: { readonly rows: number; readonly answer: OnSettled }[] = [];
  isFull = false;

  constructor(name: string) {
    this.name = name;
  }

  async push({ rowCount }: OutputBatch, onSettled: OnSettled = () => undefined): Promise<void> {
    this.pushed.push({ rows: rowCount, answer: onSettled });
    if (this.isFull) throw new Error('no room');
  }

  async drain(): Promise<void> {}
}

function passing(sinks: readonly BatchSink[]): (given: OtapBatch) => Promise<void> {
  const route = { kept: sinks, dropped: [], isPassed: true };
  const { traces, logs } = passThroughs({ sinks, batchRowsMax: 100, routes: { traces: route, logs: { ...route, isPassed: false }, metrics: route } }, () => Promise.resolve());
  expect(logs).toBeUndefined();
  return traces ?? (() => Promise.reject(new Error('traces are sampled')));
}

async function answered(results: readonly PushResult[]): Promise<unknown> {
  const sinks = results.map((_, index) => new AskedSink(`s${index}`));
  let outcome: unknown = 'waits';
  const passed = passing(sinks)(batch).then(() => { outcome = 'ok'; }, (error: unknown) => { outcome = error; });
  await turn();
  for (const [index, sink] of sinks.entries()) {
    expect([outcome, sink.pushed.map(({ rows }) => rows)]).toEqual(['waits', [10]]);
    sink.pushed[0].answer(results[index]);
    await turn();
  }
  await passed;
  return outcome;
}

describe('what passes', () => {
  test('is answered when every next hop has acknowledged it, and not before', async () => {
    expect(await answered([{ kind: 'ok' }, { kind: 'ok' }])).toBe('ok');
  });

  test('is answered with what a next hop said', async () => {
    expect(await answered([{ kind: 'ok' }, { kind: 'retryable', reason: 'timeout', message: 'no answer' }])).toMatchObject({ status: 'UNAVAILABLE', reason: 'not_delivered', retryAfterMs: 1000 });
    expect(await answered([{ kind: 'permanent', reason: 'refused', message: 'bad' }, { kind: 'retryable', reason: 'timeout', message: 'no answer' }]))
      .toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'next_hop_refused' });
  });

  test('is given back only when nobody reads it any more, also where one sink fails at once', async () => {
    const failing = Object.assign(new AskedSink('failing'), { pass: () => Promise.reject(new Error('unreadable')) });
    const slow = new AskedSink('slow');
    let outcome: unknown = 'waits';
    void passing([failing, slow])(batch).catch((error: unknown) => { outcome = error; });
    await turn();
    expect(outcome).toBe('waits');
    slow.pushed[0].answer({ kind: 'ok' });
    await turn();
    expect(outcome).toMatchObject({ message: 'unreadable' });
  });

  test('goes to a sink that shares batches out as it came', async () => {
    const seen: OtapBatch[] = [];
    const sharing = Object.assign(new AskedSink('sharing'), { pass: async (given: OtapBatch): Promise<PushResult> => {
      seen.push(given);
      return { kind: 'ok' };
    } });
    await passing([sharing])(batch);
    expect([seen, sharing.pushed]).toEqual([[batch], []]);
  });
});

describe('a delivery', () => {
  const rows = (...of: readonly number[]): Uint32Array => Uint32Array.from(of);

  test('of many rows in several pushes ends with the last of them', async () => {
    const sink = new AskedSink('s');
    const delivery = new SinkDelivery(sink, { signal: 'traces', rowsMax: 3, hashSeed: 1 });
    const results: string[] = [];
    for (const [index, taken] of [rows(0, 1, 2, 3), rows(4, 5)].entries()) {
      void delivery.deliver(batch, taken).then(({ kind }) => results.push(`${index} ${kind}`));
      await turn();
    }
    expect(sink.pushed.map(({ rows: count }) => count)).toEqual([3, 1, 2]);
    sink.pushed[2].answer({ kind: 'ok' });
    sink.pushed[0].answer({ kind: 'retryable', reason: 'away', message: '' });
    await turn();
    expect(results).toEqual(['1 ok']);
    sink.pushed[1].answer({ kind: 'ok' });
    await turn();
    expect(results).toEqual(['1 ok', '0 retryable']);
  });

  test('waits while others are not acknowledged, and goes together with those that wait too, each row once', async () => {
    const sink = new AskedSink('s');
    const delivery = new SinkDelivery(sink, { signal: 'traces', rowsMax: 100, hashSeed: 1 });
    const results: string[] = [];
    for (const [index, taken] of [rows(0), rows(1, 2), rows(3), rows(4, 5), rows(6)].entries()) {
      void delivery.deliver(batch, taken).then(({ kind }) => results.push(`${index} ${kind}`));
      await turn();
    }
    expect(sink.pushed.map(({ rows: count }) => count)).toEqual([1, 2]);
    sink.pushed[0].answer({ kind: 'ok' });
    await turn();
    expect([results, sink.pushed.map(({ rows: count }) => count)]).toEqual([['0 ok'], [1, 2, 4]]);
    sink.pushed[2].answer({ kind: 'retryable', reason: 'away', message: '' });
    sink.pushed[1].answer({ kind: 'ok' });
    await turn();
    expect(results).toEqual(['0 ok', '2 retryable', '3 retryable', '4 retryable', '1 ok']);
    void delivery.deliver(batch, rows(7)).then(({ kind }) => results.push(kind));
    await turn();
    expect(sink.pushed.at(-1)?.rows).toBe(1);
  });

  test('of a batch that cannot be read is refused for good, those that it goes together with are not', async () => {
    const sink = new AskedSink('s');
    const delivery = new SinkDelivery(sink, { signal: 'traces', rowsMax: 100, hashSeed: 1 });
    const unreadable: OtapBatch = { ...batch, signal: 'traces', rowCount: 1, table: () => { throw new Error('a column is broken'); } };
    const results: string[] = [];
    for (const [index, given] of [batch, batch, batch, unreadable, batch].entries()) {
      void delivery.deliver(given, rows(0)).then((result) => results.push(`${index} ${result.kind === 'ok' ? '' : result.reason}`));
      await turn();
    }
    for (let pushed = 0; pushed < sink.pushed.length; pushed++) {
      sink.pushed[pushed].answer({ kind: 'ok' });
      await turn();
    }
    expect([sink.pushed.map(({ rows: count }) => count), results.sort()]).toEqual([[1, 1, 2], ['0 ', '1 ', '2 ', '3 unreadable', '4 ']]);
  });

  test('to a sink that fails is refused for good', async () => {
    const sink = new AskedSink('s');
    sink.isFull = true;
    expect(await new SinkDelivery(sink, { signal: 'traces', rowsMax: 100, hashSeed: 1 }).deliver(batch, Uint32Array.of(1))).toMatchObject({ kind: 'permanent', reason: 'not_taken', message: 'no room' });
  });
});
