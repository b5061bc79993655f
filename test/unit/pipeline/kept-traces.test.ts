import { describe, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import { checkCombination } from '../../../src/pipeline/combining.ts';
import { KeptTraces } from '../../../src/pipeline/kept-traces.ts';
import { WindowClock } from '../../../src/pipeline/window-clock.ts';
import { Database, type Session } from '../../../src/store/duckdb.ts';
import { compile, type Flow, openFlow } from '../../sql/store/support.ts';
import { type GivenRecord, type GivenSpan, itemsSeen, recordsMessages, spansMessages } from '../../support/given-messages.ts';

const second = 1_000_000_000n;
const start = 1_700_000_000n * second;
const kept = 'a'.repeat(18) + 'f'.repeat(14);
const dropped = 'b'.repeat(18) + '0'.repeat(13) + '1';
const unseen = 'c'.repeat(18) + 'f'.repeat(14);

const tracePolicy = 'SELECT trace_id, 0.5 AS probability FROM traces';
const ofKept = 'SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)';

/** A processor by arrival: windows of traces of 10 s with a wait of 30 s, of logs of 15 s. */
async function open(logPolicies: readonly string[]): Promise<Flow & { readonly arrive: (signal: 'traces' | 'logs', message: Uint8Array, atSecond: number) => Promise<void>; readonly logs: () => string[] }> {
  let now = start;
  const seam = { ...realSeam({ hashKey: new Uint8Array(16) }), nowUnixNano: () => now };
  const flow = await openFlow({ seam, time: 'arrival', policies: await compile(tracePolicy, ...logPolicies), windows: { tracesLengthMs: 10_000, tracesWaitMs: 30_000, logsLengthMs: 15_000 } });
  const streams = { traces: flow.processor.intake.open('traces'), logs: flow.processor.intake.open('logs') };
  return {
    ...flow,
    arrive: async (signal, bytes, atSecond) => {
      now = start + BigInt(atSecond) * second;
      expect((await streams[signal].accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    },
    logs: () => itemsSeen('logs', flow.sink.messages('logs')).map(({ trace, count }) => `${trace.slice(0, 2)} ${count}`).sort(),
  };
}

const span = (trace: string): GivenSpan => ({ trace, startMs: 1 });
const record = (trace: string | null): GivenRecord => ({ trace, timeMs: 1 });
const at = (seconds: number): bigint => start + BigInt(seconds) * second;

describe('a window of logs that reads kept_traces', () => {
  // 1,700,000,000 s: slots of 10 s begin at 0, 10 ..., slots of 15 s at -5, 10, 25 ...
  test('waits until the last window of traces that it overlaps is decided, and not longer', async () => {
    const flow = await open([ofKept]);
    try {
      const logs = recordsMessages([[record(kept), record(dropped), record(unseen), record(null)]]);
      const spans = spansMessages([[span(kept), span(dropped)]]);
      await flow.arrive('logs', logs[0], 12);
      await flow.arrive('traces', spans[0], 22);
      // The window of logs is [10, 25): the last window of traces that it overlaps is [20, 30), decided at 60.
      await flow.processor.advance(at(59));
      expect(flow.logs()).toEqual([]);
      expect(flow.processor.held('logs').items).toBe(4);
      await flow.processor.advance(at(60));
      expect(flow.tally.firstError).toBeNull();
      expect(flow.logs()).toEqual(['aa 2']);
      expect(flow.processor.held('logs').items).toBe(0);
    } finally {
      flow.processor.close();
    }
  });

  test('sees traces whose window was open when it began, and none that was decided before', async () => {
    const flow = await open([ofKept]);
    try {
      const spans = spansMessages([[span(kept)]]);
      const logs = recordsMessages([[record(kept)], [record(kept)]]);
      await flow.arrive('traces', spans[0], 1);
      await flow.arrive('logs', logs[0], 39);
      await flow.processor.advance(at(40));
      await flow.arrive('logs', logs[1], 70);
      await flow.processor.drain();
      expect(flow.logs()).toEqual(['aa 2']);
    } finally {
      flow.processor.close();
    }
  });

  test('windows of logs without such a policy do not wait', async () => {
    const flow = await open(['SELECT id, 1.0 AS probability FROM logs']);
    try {
      const logs = recordsMessages([[record(kept)]]);
      await flow.arrive('logs', logs[0], 12);
      await flow.processor.advance(at(25));
      expect(flow.logs()).toEqual(['aa 1']);
    } finally {
      flow.processor.close();
    }
  });

  test('another policy keeps what this one leaves; a record outside of traces is not capped', async () => {
    const flow = await open([ofKept, "SELECT l.id, 1.0 AS probability FROM logs l LEFT JOIN kept_traces k USING (trace_id) WHERE l.trace_id IS NULL OR k.trace_id IS NULL", "SELECT id, 1.0 AS probability FROM logs WHERE trace_id = '" + unseen + "'"]);
    try {
      const logs = recordsMessages([[record(kept), record(dropped), record(unseen), record(null)]]);
      await flow.arrive('logs', logs[0], 12);
      await flow.arrive('traces', spansMessages([[span(kept), span(dropped)]])[0], 13);
      await flow.processor.drain();
      expect(flow.logs()).toEqual([' 1', 'aa 2', 'cc 1']);
    } finally {
      flow.processor.close();
    }
  });
});

describe('what is refused', () => {
  test('a ceiling by kept traces, and first_match with such a policy before another', async () => {
    await expect(compile(`-- mode: drop\nSELECT l.id, 0.0 AS probability FROM logs l JOIN kept_traces k USING (trace_id)`)).rejects.toThrow('reads kept_traces');
    const [first, second_] = await compile(ofKept, 'SELECT id, 0.1 AS probability FROM logs');
    expect(() => checkCombination([first, second_], 'first_match')).toThrow('put it last');
    expect(() => checkCombination([second_, first], 'first_match')).not.toThrow();
    await expect(compile('SELECT trace_id, probability FROM kept_traces')).rejects.toThrow('logs');
  });
});

describe('what is remembered', () => {
  async function table(engine: Session, name: string, count: number): Promise<void> {
    await engine.run(`CREATE OR REPLACE TABLE ${name}_kept AS SELECT md5(i::VARCHAR)::UUID AS trace_id, 1000::UBIGINT AS n FROM range(${count}) r(i)`);
    await engine.run(`CREATE OR REPLACE TABLE ${name}_traces AS SELECT trace_id, 5::UBIGINT AS r FROM ${name}_kept`);
  }

  test('is bounded, goes with the windows that need it, and leaves no table behind', async () => {
    const database = await Database.open({ memoryLimitBytes: 2 ** 28, threads: 1 });
    const engine = await database.connect();
    const traces = new KeptTraces(new WindowClock(10_000, 30_000), new WindowClock(15_000, 0), 250);
    traces.use(await compile(ofKept));
    await table(engine, 'w', 100);
    const tables = async (): Promise<number> => (await engine.run("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'kept_traces%'")).integer();
    for (const slot of [0, 1, 2]) await traces.add(engine, 'w', slot, false);
    // 300 are more than 250: the oldest window is forgotten.
    expect(await tables()).toBe(2);
    // The window of slot 1 is [10, 50), that of slot 2 [20, 60).
    await traces.expire(engine, 3);
    expect(await tables()).toBe(2);
    await traces.expire(engine, 4);
    expect(await tables()).toBe(0);
    await traces.add(engine, 'w', 6, false);
    for (let set = 0; set < 4; set++) traces.use([]);
    expect(traces.isRead).toBe(false);
    await traces.add(engine, 'w', 7, false);
    await traces.expire(engine, 0);
    expect(await tables()).toBe(0);
    database.close();
  });
});
