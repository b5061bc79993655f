import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import type { SplicedItems } from '../../../src/otlp/splice/spliced-items.ts';
import { Dispatcher } from '../../../src/pipeline/dispatcher.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { readCapture } from '../../support/captures.ts';
import { canonical } from '../../support/otap-to-otlp.ts';
import { truthBytes } from '../../support/otlp-bytes.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { decodeOwn } from '../../support/reencode.ts';

/** A sink of OTLP that remembers. */
class SplicedSink implements BatchSink {
  readonly name = 'otlp';
  readonly queuedBytes = 0;
  readonly spliced: SplicedItems[] = [];
  readonly tables = new CollectingSink();

  push(batch: Parameters<BatchSink['push']>[0]): Promise<void> {
    return this.tables.push(batch);
  }

  async pushSpliced(items: SplicedItems): Promise<void> {
    this.spliced.push(items);
  }

  async drain(): Promise<void> {}
}

const requests = truthBytes('traces_zstd').slice(0, 4);
const truth = requests.map((bytes) => parseOtlp('traces', bytes));
const lost = (): void => {
  throw new Error('nothing should be lost');
};

test('sinks that take OTLP get it as it is, others the same as tables, each item once', async () => {
  const otlp = new SplicedSink();
  const tables = new CollectingSink();
  const dispatcher = new Dispatcher('traces', 100, [otlp, tables], () => 0, lost);
  for (const bytes of requests) {
    const batch = decodeOtlp('traces', bytes);
    await dispatcher.add(batch, allRows(batch), null);
  }
  await dispatcher.flush();
  expect(otlp.spliced.flatMap((items) => items.rowCount).every((count) => count <= 100)).toBe(true);
  const sent = otlp.spliced.flatMap((items) => items.requests(1 << 20)).map(({ bytes }) => parseOtlp('traces', bytes));
  expect(canonical(sent)).toEqual(canonical(truth));
  expect(canonical(decodeOwn('traces', tables.messages('traces')))).toEqual(canonical(truth));
  expect(otlp.tables.messages('traces')).toEqual([]);
});

test('a sink of OTLP that is full does not keep a batch from the others', async () => {
  const gate = Promise.withResolvers<void>();
  const full = new SplicedSink();
  full.pushSpliced = () => gate.promise;
  const tables = new CollectingSink();
  const dispatcher = new Dispatcher('traces', 8192, [full, tables], () => 0, lost);
  const batch = decodeOtlp('traces', requests[0]);
  await dispatcher.add(batch, allRows(batch), null);
  let isFlushed = false;
  const flushed = dispatcher.flush().then(() => { isFlushed = true; });
  await turn();
  expect([tables.rowCounts, isFlushed]).toEqual([[batch.rowCount], false]);
  gate.resolve();
  await flushed;
});

test('what came as OTAP goes to them as tables', async () => {
  const otlp = new SplicedSink();
  const dispatcher = new Dispatcher('traces', 8192, [otlp], () => 0, lost);
  const batch = new OtapStreamDecoder('traces', {}).decode(readCapture('traces_zstd')[0]);
  await dispatcher.add(batch, allRows(batch), null);
  await dispatcher.flush();
  expect(otlp.spliced).toEqual([]);
  expect(otlp.tables.rowCounts).toEqual([batch.rowCount]);
});
