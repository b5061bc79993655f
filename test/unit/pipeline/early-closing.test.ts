import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { realSeam, seededSeam } from '../../../src/base/seam.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { memoryShares } from '../../../src/pipeline/memory-shares.ts';
import { compile, type Flow, openFlow } from '../../sql/store/support.ts';
import { spanMessages, spansOf } from './synthetic.ts';

const limit = 4_000_000;
const batches = 60;
const perBatch = 200;
const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';

function incompressible(seed: string): string {
  return [1, 2, 3, 4].map((part) => createHash('sha512').update(`${seed}/${part}`).digest('hex')).join('');
}

/** Batches of traces of five spans, each of a stream of its own, whose dictionaries are gone with it. */
const messages = Array.from({ length: batches }, (_, batch) => Array.from({ length: perBatch }, (_, row) => (
  { trace: batch * perBatch + Math.floor(row / 5) + 1, startMs: 0, name: `${batch}-${row}`, attributes: { body: incompressible(`${batch}-${row}`) } }))).flatMap((spans) => spanMessages([spans]));

/** How many spans say that they were decided early. */
function marked(flow: Flow): number {
  const decoder = new OtapStreamDecoder('traces');
  return flow.sink.messages('traces').reduce((sum, message) => sum + (decoder.decode(message).table('SPAN_ATTRS')?.rowsOfKey('sampling.partial').rows.length ?? 0), 0);
}

interface Outcome {
  readonly refused: number;
  /** After which batches windows had been closed early. */
  readonly closings: readonly number[];
  readonly flow: Flow;
}

/** Sends batches at one moment of time, or 100 ms apart. */
async function sent(policy: string, softLimit: number | undefined, work: (outcome: Outcome) => Promise<void>, stepMs = 0): Promise<void> {
  // Deadlines of policies must not move the time of windows.
  const seam = { ...seededSeam(1, 1_700_000_000_000_000_000n), sleepMs: realSeam().sleepMs };
  const flow = await openFlow({ seam, time: 'arrival', policies: await compile(policy), memoryLimitBytes: limit, ...(softLimit === undefined ? {} : { softLimit }) });
  try {
    const closings: number[] = [];
    let refused = 0;
    for (const [index, bytes] of messages.entries()) {
      const before = flow.tally.closedEarlyCount;
      const stream = flow.processor.intake.open('traces');
      const { ack } = await stream.accept({ bytes, compressed: null, encoding: 'identity' });
      stream.close();
      if (ack.status !== 'OK') refused++;
      await flow.processor.advance(seam.nowUnixNano());
      while (flow.processor.isClosingEarly) await new Promise((resolve) => setImmediate(resolve));
      if (flow.tally.closedEarlyCount > before) closings.push(index);
      seam.advanceMs(stepMs);
    }
    await work({ refused, closings, flow });
  } finally {
    flow.processor.close();
  }
}

describe('windows at the soft limit', () => {
  test('are decided early, earliest first, so that nobody is refused; what is kept of them says so, and what came after is as ever', async () => {
    await sent(keepAll, 0.8, async ({ refused, closings, flow }) => {
      expect([refused, closings.length > 1]).toEqual([0, true]);
      const early = marked(flow);
      // The batch that finds memory full may go to the next window already.
      expect([Math.max(...closings), Math.max(...closings) + 1]).toContain(early / perBatch);
      await flow.processor.drain();
      const spans = spansOf(flow.sink.messages('traces'));
      expect(new Set(spans.map(({ name }) => name)).size).toBe(batches * perBatch);
      expect([spans.length, marked(flow)]).toEqual([batches * perBatch, early]);
      expect(flow.processor.held('traces')).toEqual({ items: 0, bytes: 0 });
    });
  });

  test('without it the same batches are refused, and nothing is marked', async () => {
    await sent(keepAll, undefined, async ({ refused, closings, flow }) => {
      expect([refused > 5, closings.length]).toEqual([true, 0]);
      await flow.processor.drain();
      expect(marked(flow)).toBe(0);
    });
  });

  test('when they close hangs on what arrived alone, whatever the policies keep of it (rule 18)', async () => {
    const moments: (readonly number[])[] = [];
    for (const policy of [keepAll, 'SELECT trace_id, 0.0 AS probability FROM traces', 'SELECT trace_id, 0.2 AS probability FROM traces']) {
      await sent(policy, 0.8, async ({ closings }) => { moments.push(closings); });
    }
    // Remembered decisions take room as well, but as many for what is dropped as for what is kept.
    expect(moments[1]).toEqual(moments[0]);
    expect(moments[2]).toEqual(moments[0]);
  });

  test('close one after the other while time goes on, each when it must', async () => {
    await sent(keepAll, 0.8, async ({ refused, flow }) => {
      expect(refused).toBe(0);
      await flow.processor.drain();
      expect(spansOf(flow.sink.messages('traces'))).toHaveLength(batches * perBatch);
    }, 700);
  });
});

describe('shares of a limit', () => {
  test('come to the limit, however it is divided; DuckDB never has less than it works with', () => {
    for (const share of [0.1, 0.5, 0.9]) {
      const { duckdbBytes, othersBytesMax, tablesBytesMax } = memoryShares(2 ** 30, share);
      expect(duckdbBytes + othersBytesMax).toBeCloseTo(2 ** 30);
      expect(tablesBytesMax).toBeLessThan(duckdbBytes);
    }
    expect(memoryShares(2 ** 20).duckdbBytes).toBe(64 * 2 ** 20);
    expect(memoryShares(2 ** 30, 0.5, 2 ** 30).tablesBytesMax).toBeGreaterThan(2 ** 29);
  });
});
