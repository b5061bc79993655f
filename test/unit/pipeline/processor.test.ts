import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import type { Flow } from '../../sql/store/support.ts';
import { CollectingSink, compile, feed, openFlow } from '../../sql/store/support.ts';
import { readCapture } from '../../support/captures.ts';
import { batchOf } from '../../support/random-batch.ts';
import { type SpanSpec, spanMessages, spansOf, spanRows } from './synthetic.ts';

const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';

async function withFlow(options: Parameters<typeof openFlow>[0], work: (flow: Flow) => Promise<void>, sink?: CollectingSink): Promise<void> {
  const flow = await openFlow(options, sink);
  try {
    await work(flow);
  } finally {
    flow.processor.close();
  }
}

const message = (bytes: Uint8Array) => ({ bytes, compressed: null, encoding: 'identity' });
const names = ({ sink }: Flow): string[] => spansOf(sink.messages('traces')).map(({ name }) => name).sort();

describe('the byte budget', () => {
  test('a full intake says when to come again, and the stream decodes on; windows give everything back', async () => {
    const seam = seededSeam(1, 1_700_000_000_000_000_000n);
    const policies = await compile(keepAll);
    const messages = readCapture('traces_zstd').slice(0, 60);
    await withFlow({ seam, time: 'arrival', policies, memoryLimitBytes: 800_000 }, async (flow) => {
      const { processor, tally } = flow;
      const stream = processor.intake.open('traces');
      const statuses: string[] = [];
      let accepted = 0;
      for (const bytes of messages) {
        const { ack, streamBroken } = await stream.accept(message(bytes));
        statuses.push(ack.status);
        if (ack.status === 'OK') accepted++;
        else expect([ack.status, ack.retryAfterMs, streamBroken]).toEqual(['RESOURCE_EXHAUSTED', 10_000, false]);
        // Half way, windows are decided and there is room again.
        if (statuses.length === 40) await processor.drain();
      }
      expect(statuses.slice(0, 40)).toContain('RESOURCE_EXHAUSTED');
      expect(statuses.slice(40, 45)).toEqual(new Array(5).fill('OK'));
      expect(processor.held('traces').bytes).toBeLessThan(800_000);
      await processor.drain();
      expect(processor.held('traces')).toEqual({ items: 0, bytes: 0 });
      expect(tally.bySignal.traces.kept).toBe(tally.bySignal.traces.items);
      expect(names(flow)).toHaveLength(tally.bySignal.traces.items);
      expect(accepted).toBeLessThan(60);
    });
  });

  test('what the sinks hold counts too', async () => {
    const sink = new CollectingSink();
    Object.defineProperty(sink, 'queuedBytes', { value: 1_000_000 });
    await withFlow({ policies: await compile(keepAll), memoryLimitBytes: 1_000_000, sinks: [sink] }, async (flow) => {
      const [answer] = await feed(flow, 'traces', spanMessages([[{ trace: 1, startMs: 1 }]]));
      expect(answer.ack.status).toBe('RESOURCE_EXHAUSTED');
    });
  });
});

describe('a bad batch in mid-stream', () => {
  /** Three messages of one stream; the second has an invalid value where `path` says. */
  function withBadSecond(change: (rows: ReturnType<typeof spanRows>) => ReturnType<typeof spanRows>): Uint8Array[] {
    const encoder = new OtapStreamEncoder('traces', { bodyCompression: 'none', zstdLevel: 1 });
    return [1, 2, 3].map((n) => {
      const rows = spanRows([{ trace: n, name: `first of ${n}`, startMs: 1000 }, { trace: n + 10, name: `second of ${n}`, startMs: 15_000, attributes: { key: `value ${n}` } }]);
      const batch = batchOf('traces', n === 2 ? change(rows) : rows);
      const builder = new OutputBatchBuilder('traces');
      builder.append(batch, allRows(batch), null);
      return encoder.encode(BigInt(n), builder.finish());
    });
  }

  test('is refused whole, over all slots, and the next one is taken', async () => {
    const policies = await compile("SELECT trace_id, id, 1.0 AS probability FROM spans WHERE attributes['key'] IS DISTINCT FROM 'none'");
    const messages = withBadSecond((rows) => ({ ...rows, SPAN_ATTRS: [{ parent_id: 1, key: 'key', type: 5, ser: Uint8Array.of(0xff, 0xff) }] }));
    await withFlow({ policies }, async (flow) => {
      const answers = await feed(flow, 'traces', messages);
      expect(answers.map(({ ack, streamBroken }) => [ack.status, streamBroken])).toEqual([['OK', false], ['INVALID_ARGUMENT', false], ['OK', false]]);
      expect(answers.map(({ batchId }) => batchId)).toEqual([1n, 2n, 3n]);
      expect(flow.processor.held('traces').items).toBe(4);
      await flow.processor.drain();
      expect(names(flow)).toEqual(['first of 1', 'first of 3', 'second of 1', 'second of 3']);
      expect(flow.tally.bySignal.traces.items).toBe(4);
    });
  });

  test('is refused whatever the column, read by a policy or not', async () => {
    const messages = withBadSecond((rows) => rows);
    const needle = Buffer.from('second of 2');
    const at = Buffer.from(messages[1]).indexOf(needle);
    expect(at).toBeGreaterThan(0);
    const bad = Buffer.from(messages[1]);
    bad[at] = 0xff;
    await withFlow({ policies: await compile(keepAll) }, async (flow) => {
      const answers = await feed(flow, 'traces', [messages[0], bad, messages[2]]);
      expect(answers.map(({ ack }) => ack.status)).toEqual(['OK', 'INVALID_ARGUMENT', 'OK']);
      await flow.processor.drain();
      expect(names(flow)).toEqual(['first of 1', 'first of 3', 'second of 1', 'second of 3']);
      expect(flow.tally.bySignal.traces.unreadable).toBe(0);
    });
  });

  test('that breaks the framing ends its stream; another goes on', async () => {
    await withFlow({ policies: await compile(keepAll) }, async (flow) => {
      const stream = flow.processor.intake.open('traces');
      await expect(stream.accept(message(Uint8Array.of(0xff, 0xff, 0xff)))).rejects.toMatchObject({ status: 'INVALID_ARGUMENT' });
      const [answer] = await feed(flow, 'traces', spanMessages([[{ trace: 1, startMs: 1 }]]));
      expect(answer.ack.status).toBe('OK');
    });
  });
});

describe('wrong clocks', () => {
  const day = 86_400_000;
  const spans = (batch: number): SpanSpec[] => [
    ...[1, 6, 7, 8, 9].map((n) => ({ trace: batch * 10 + n, name: `ok ${batch} ${n}`, startMs: 1_000_000 + batch * 4000 })),
    { trace: batch * 10 + 2, name: `zero ${batch}`, startMs: 0 },
    { trace: batch * 10 + 3, name: `past ${batch}`, startMs: batch * 700 },
    { trace: batch * 10 + 4, name: `future ${batch}`, startMs: 20_000 * day + batch * day },
    { trace: batch * 10 + 5, name: `end of time ${batch}`, startMs: 2 ** 63 / 1e6, durationMs: 2 ** 62 / 1e6 },
  ];

  test('open few slots, delay no window, fail no query, and lose nothing', async () => {
    const sql = `SELECT trace_id, 1.0 AS probability FROM traces
      WHERE duration >= INTERVAL 0 SECONDS AND start_time <= end_time AND root_name IS NOT NULL`;
    await withFlow({ policies: await compile(sql) }, async (flow) => {
      const messages = spanMessages(Array.from({ length: 30 }, (_, batch) => spans(batch)));
      let windowsBefore = 0;
      const stream = flow.processor.intake.open('traces');
      for (const bytes of messages) {
        expect((await stream.accept(message(bytes))).ack.status).toBe('OK');
        await flow.processor.advance(0n);
        windowsBefore = flow.tally.bySignal.traces.windows;
      }
      // 120 s of spans, windows of 10 s that wait 30 s.
      expect(windowsBefore).toBeGreaterThanOrEqual(7);
      await flow.processor.drain();
      expect(flow.tally.bySignal.traces.windows).toBeLessThan(22);
      expect(flow.tally.firstError).toBeNull();
      expect(names(flow)).toHaveLength(270);
    });
  });
});

describe('a policy that fails', () => {
  const spans = Array.from({ length: 20 }, (_, index) => ({ trace: index + 1, startMs: 1000 }));

  test('gives its items to the fallback, and is counted', async () => {
    const policies = await compile("SELECT trace_id, CASE WHEN span_count > 0 THEN 7.0 ELSE 1.0 END AS probability FROM traces");
    await withFlow({ policies }, async (flow) => {
      await feed(flow, 'traces', spanMessages([spans]));
      await flow.processor.drain();
      expect(names(flow)).toHaveLength(20);
      expect(flow.tally.bySignal.traces).toMatchObject({ policyFailures: 1, kept: 20, estimate: 20 });
      expect(flow.tally.firstError).toMatch(/^policy p0 failed, its items went by the fallback: .*probability/);
    });
  });

  test('at its deadline: the window does not wait for it', async () => {
    const long = Array.from({ length: 3000 }, (_, index) => ({ trace: index + 1, startMs: 1000 }));
    const policies = await compile('SELECT a.trace_id, 1.0 AS probability FROM traces a, traces b, traces c WHERE a.randomness + b.randomness + c.randomness > 1');
    await withFlow({ policies, limits: { deadlineMs: 200, rowsMax: 100_000 } }, async (flow) => {
      await feed(flow, 'traces', spanMessages([long]));
      const start = performance.now();
      await flow.processor.drain();
      expect(performance.now() - start).toBeLessThan(5000);
      expect(flow.tally.bySignal.traces).toMatchObject({ policyFailures: 1, kept: 3000 });
      expect(flow.tally.firstError).toMatch(/longer than 200 ms/);
      // The next window has a session that works.
      await feed(flow, 'traces', spanMessages([spans.map((span) => ({ ...span, trace: span.trace + 5000, startMs: 900_000 }))]));
      await flow.processor.drain();
      expect(flow.tally.bySignal.traces.kept).toBe(3020);
    });
  });

  test('by naming too much', async () => {
    await withFlow({ policies: await compile(keepAll), limits: { deadlineMs: 10_000, rowsMax: 5 }, fallback: { n: 0n } }, async (flow) => {
      await feed(flow, 'traces', spanMessages([spans]));
      await flow.processor.drain();
      expect(flow.tally.bySignal.traces).toMatchObject({ policyFailures: 1, kept: 0 });
    });
  });
});

test('no policy for a signal: nothing is named, so nothing is kept', async () => {
  await withFlow({}, async (flow) => {
    await feed(flow, 'traces', spanMessages([[{ trace: 1, startMs: 1 }]]));
    await feed(flow, 'logs', readCapture('collector_logs'));
    await flow.processor.drain();
    expect([flow.tally.bySignal.traces.kept, flow.tally.bySignal.logs.kept]).toEqual([0, 0]);
    expect([flow.tally.bySignal.traces.decided, flow.tally.bySignal.logs.decided]).toEqual([1, 200]);
  });
});
