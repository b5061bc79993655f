import { describe, expect, it } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { OtapSender, type OtapSenderOptions } from '../../../src/exporters/otap-sender.ts';
import type { ExportResult } from '../../../src/exporters/retry.ts';
import { silentLogger } from '../../../src/telemetry/log.ts';
import { FakeConsumer, NumberEncoder } from './fake-consumer.ts';
import { VirtualSeam } from './virtual-seam.ts';

interface World {
  readonly seam: VirtualSeam;
  readonly consumer: FakeConsumer;
  readonly sender: OtapSender<number>;
  readonly retries: string[];
}

function world(seed = 1, overrides: Partial<OtapSenderOptions<number>> = {}): World {
  const seam = new VirtualSeam(seed);
  const consumer = new FakeConsumer(seam);
  const retries: string[] = [];
  const sender = new OtapSender<number>({
    open: consumer.open, path: '/p', encoding: { encoding: 'zstd', level: 3 }, encode: () => new NumberEncoder(), seam, log: silentLogger,
    retry: { enabled: true, initialIntervalMs: 1000, maxIntervalMs: 30_000, maxElapsedMs: 0 },
    timeoutMs: 10_000, maxStreamLifetimeMs: 30_000, inFlightMax: 8, onRetry: (reason) => retries.push(reason), ...overrides,
  });
  return { seam, consumer, sender, retries };
}

/** Exports the batches 0 to count - 1, all at once, and lets time pass until each has its result. */
async function exportAll({ seam, sender }: World, count: number): Promise<ExportResult[]> {
  const results: ExportResult[] = [];
  for (let batch = 0; batch < count; batch++) void sender.export(batch).then((result) => (results[batch] = result));
  await seam.runUntil(() => results.filter(() => true).length === count);
  return results;
}

async function close({ seam, sender }: World, deadlineMs = 60_000): Promise<void> {
  let closed = false;
  void sender.close(deadlineMs).then(() => (closed = true));
  await seam.runUntil(() => closed);
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const ok = { kind: 'ok' };

describe('OtapSender', () => {
  it('sends over one stream, ids from 0, at most inFlightMax unanswered, and leaves nothing behind', async () => {
    const here = world();
    expect(await exportAll(here, 100)).toEqual(numbers(100).map(() => ok));
    expect(here.consumer.received.map(({ batchId }) => Number(batchId))).toEqual(numbers(100));
    expect(here.consumer).toMatchObject({ streams: 1, unansweredMax: 8, accepted: numbers(100) });
    await close(here);
    expect(here.consumer.openStreams).toBe(0);
    expect(here.seam.sleeping).toBe(0);
  });

  it('matches answers that come out of order', async () => {
    const here = world();
    here.consumer.react = ({ batch }) => ({ answer: batch % 3 === 0 ? 'INVALID_ARGUMENT' : 'OK', afterMs: 10 - (batch % 8) });
    const results = await exportAll(here, 40);
    expect(results.map(({ kind }) => kind)).toEqual(numbers(40).map((batch) => (batch % 3 === 0 ? 'permanent' : 'ok')));
    expect(here.consumer.streams).toBe(1);
  });

  it.each(['RESOURCE_EXHAUSTED', 'UNAVAILABLE', 'ABORTED'] as const)('sends again what was answered %s, on the same stream', async (answer) => {
    const here = world();
    const seen = new Set<number>();
    here.consumer.react = ({ batch }) => ({ answer: seen.has(batch) || seen.add(batch) === null ? 'OK' : answer, afterMs: 1 });
    expect(await exportAll(here, 10)).toEqual(numbers(10).map(() => ok));
    expect(here.consumer).toMatchObject({ streams: 1 });
    expect(here.retries).toEqual(numbers(10).map(() => answer.toLowerCase()));
  });

  it.each(['INVALID_ARGUMENT', 'PERMISSION_DENIED', 'UNAUTHENTICATED', 'INTERNAL'] as const)('does not send again what was answered %s', async (answer) => {
    const here = world();
    here.consumer.react = () => ({ answer, afterMs: 1 });
    expect(await exportAll(here, 3)).toEqual(numbers(3).map(() => ({ kind: 'permanent', reason: answer.toLowerCase(), message: answer })));
    expect(here.consumer.received).toHaveLength(3);
  });

  it('goes on without what the consumer does not know, at once and for all further streams', async () => {
    const plain: boolean[] = [];
    const here = world(1, { encode: (isPlain) => { plain.push(isPlain); return new NumberEncoder(); } });
    here.consumer.react = ({ stream }) => (stream > 0 ? { answer: 'OK', afterMs: 1 } : { end: 'INTERNAL', afterMs: 1, message: 'otel-arrow decode: reading metrics->unknown payload type' });
    expect(await exportAll(here, 1)).toEqual([ok]);
    expect(plain).toEqual([false, true]);
    expect(here.retries).toEqual([]);
  });

  it('gives up a batch that the consumer cannot read, and not the others', async () => {
    const here = world();
    here.consumer.react = ({ batch }) => (batch === 3 ? { end: 'INTERNAL', afterMs: 1, message: 'otel-arrow decode: bad record' } : { answer: 'OK', afterMs: 1 });
    const results = await exportAll(here, 6);
    expect(results.map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok', 'permanent', 'ok', 'ok']);
  });

  it('sends again what was cut off by an INTERNAL of another kind, however often', async () => {
    const here = world();
    here.consumer.react = ({ stream }) => (stream < 20 ? { end: 'INTERNAL', afterMs: 1, message: 'the transport failed' } : { answer: 'OK', afterMs: 1 });
    expect(await exportAll(here, 1)).toEqual([ok]);
  });

  it('opens a new stream with a fresh encoder and sends again what was unanswered when a stream ends', async () => {
    const here = world();
    here.consumer.react = ({ stream, batchId }) => (stream < 3 && batchId === 5n ? { end: 'UNAVAILABLE', afterMs: 1 } : { answer: 'OK', afterMs: 3 });
    expect(await exportAll(here, 50)).toEqual(numbers(50).map(() => ok));
    expect(new Set(here.consumer.accepted)).toEqual(new Set(numbers(50)));
    expect(here.consumer.streams).toBe(4);
  });

  it('replaces a stream that has lived its time without losing or repeating a batch', async () => {
    const here = world(1, { inFlightMax: 2 });
    here.consumer.react = () => ({ answer: 'OK', afterMs: 1000 });
    expect(await exportAll(here, 200)).toEqual(numbers(200).map(() => ok));
    expect(here.consumer.accepted.toSorted((a, b) => a - b)).toEqual(numbers(200));
    expect(here.consumer.streams).toBeGreaterThanOrEqual(3);
    expect(here.consumer.openStreamsMax).toBeLessThanOrEqual(2);
    expect(here.retries).toEqual([]);
  });

  it('sends again after a timeout, on another stream', async () => {
    const here = world();
    here.consumer.react = ({ stream }) => (stream === 0 ? null : { answer: 'OK', afterMs: 1 });
    expect(await exportAll(here, 5)).toEqual(numbers(5).map(() => ok));
    expect(here.retries).toEqual(numbers(5).map(() => 'timeout'));
    expect(here.consumer.streams).toBe(2);
    await close(here);
    expect(here.consumer.openStreams).toBe(0);
  });

  it('falls back to uncompressed messages once when the consumer answers UNIMPLEMENTED', async () => {
    const here = world();
    here.consumer.react = (_, { encoding }) => (encoding === 'identity' ? { answer: 'OK', afterMs: 1 } : { end: 'UNIMPLEMENTED', afterMs: 1 });
    expect(await exportAll(here, 20)).toEqual(numbers(20).map(() => ok));
    expect(here.consumer.encodings.map(({ encoding }) => encoding)).toEqual(['zstd', 'identity']);
    expect(here.retries).toEqual([]);
  });

  it('gives up for good when even uncompressed messages are UNIMPLEMENTED', async () => {
    const here = world();
    here.consumer.react = () => ({ end: 'UNIMPLEMENTED', afterMs: 1 });
    const results = await exportAll(here, 3);
    expect(results.map(({ kind }) => kind)).toEqual(['permanent', 'permanent', 'permanent']);
    expect(here.consumer.streams).toBe(2);
  });

  it('gives a batch up that breaks one stream after the other, and delivers the others', async () => {
    const here = world();
    here.consumer.react = ({ batch }) => (batch === 4 ? { end: 'INVALID_ARGUMENT', afterMs: 1 } : { answer: 'OK', afterMs: 2 });
    const results = await exportAll(here, 10);
    expect(results.map(({ kind }) => kind)).toEqual(numbers(10).map((batch) => (batch === 4 ? 'permanent' : 'ok')));
    expect(results[4]).toMatchObject({ reason: 'stream_invalid_argument' });
  });

  it('fails a batch that cannot be encoded and goes on with a fresh encoder', async () => {
    const here = world();
    const results: ExportResult[] = [];
    for (const batch of [0, -1, 2]) void here.sender.export(batch).then((result) => results.push(result));
    await here.seam.runUntil(() => results.length === 3);
    expect(results.filter(({ kind }) => kind === 'ok')).toHaveLength(2);
    expect(results).toContainEqual({ kind: 'permanent', reason: 'unencodable', message: 'cannot be encoded' });
    expect(here.consumer.streams).toBe(2);
  });

  it('gives up as retryable when the time for retries is over, having waited longer and longer', async () => {
    const here = world(1, { retry: { enabled: true, initialIntervalMs: 1000, maxIntervalMs: 30_000, maxElapsedMs: 300_000 } });
    here.consumer.react = () => ({ end: 'UNAVAILABLE', afterMs: 0 });
    expect(await exportAll(here, 1)).toMatchObject([{ kind: 'retryable', reason: 'stream_unavailable' }]);
    expect(here.retries.length).toBeGreaterThan(8);
    expect(here.retries.length).toBeLessThan(20);
    expect(here.seam.monotonicMs()).toBeLessThanOrEqual(300_000);
  });

  it('does not retry when that is switched off', async () => {
    const here = world(1, { retry: { enabled: false, initialIntervalMs: 1, maxIntervalMs: 1, maxElapsedMs: 0 } });
    here.consumer.react = () => ({ answer: 'UNAVAILABLE', afterMs: 0 });
    expect(await exportAll(here, 2)).toMatchObject([{ kind: 'retryable' }, { kind: 'retryable' }]);
    expect(here.consumer.received).toHaveLength(2);
  });

  it('breaks with a consumer that answers a batch that was never sent', async () => {
    const here = world();
    const { open } = here.consumer;
    let first = true;
    const sender = new OtapSender<number>({
      open: (path, encoding, onMessage) => open(path, encoding, (message) => {
        onMessage(first ? Uint8Array.of(0x08, 99) : message);
        first = false;
      }),
      path: '/p', encoding: { encoding: 'identity', level: 3 }, encode: () => new NumberEncoder(), seam: here.seam, log: silentLogger,
      retry: { enabled: true, initialIntervalMs: 1, maxIntervalMs: 1, maxElapsedMs: 0 }, timeoutMs: 100, maxStreamLifetimeMs: 1000, inFlightMax: 1,
    });
    expect(await exportAll({ ...here, sender }, 2)).toEqual([ok, ok]);
    expect(here.consumer.streams).toBe(2);
  });

  it('drains on close, refuses what comes later', async () => {
    const here = world();
    here.consumer.react = () => ({ answer: 'OK', afterMs: 500 });
    const results: ExportResult[] = [];
    for (let batch = 0; batch < 20; batch++) void here.sender.export(batch).then((result) => results.push(result));
    let closed = false;
    void here.sender.close(5000).then(() => (closed = true));
    expect(await here.sender.export(99)).toMatchObject({ kind: 'retryable', reason: 'exporter_closed' });
    await here.seam.runUntil(() => closed);
    expect(results).toEqual(numbers(20).map(() => ok));
    expect(here.consumer.openStreams).toBe(0);
    expect(here.seam.sleeping).toBe(0);
  });

  it('gives up at the deadline of close what is not acknowledged', async () => {
    const here = world();
    here.consumer.react = () => null;
    const results: ExportResult[] = [];
    for (let batch = 0; batch < 20; batch++) void here.sender.export(batch).then((result) => results.push(result));
    await close(here, 500);
    await here.seam.runUntil(() => results.length === 20);
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['retryable']));
    expect(here.consumer.openStreams).toBe(0);
    expect(here.seam.monotonicMs()).toBe(500);
  });

  it.each(numbers(30))('with random faults, every batch that is ok was accepted, and every batch comes to be ok (seed %i)', async (seed) => {
    const here = world(seed);
    const chance = seededSeam(seed + 1000);
    let faults = 60;
    here.consumer.react = () => {
      const afterMs = chance.jitter() * 50;
      const dice = chance.jitter();
      if (faults <= 0 || dice > 0.4) return { answer: 'OK', afterMs };
      faults--;
      if (dice < 0.1) return { end: 'UNAVAILABLE', afterMs };
      if (dice < 0.15) return null;
      if (dice < 0.2) return { end: 'OK', afterMs };
      return { answer: dice < 0.3 ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE', afterMs };
    };
    expect(await exportAll(here, 150)).toEqual(numbers(150).map(() => ok));
    expect(new Set(here.consumer.accepted)).toEqual(new Set(numbers(150)));
    expect(here.consumer.unansweredMax).toBeLessThanOrEqual(8 * 2);
    await close(here);
    expect(here.consumer.openStreams).toBe(0);
    expect(here.seam.sleeping).toBe(0);
  });
});
