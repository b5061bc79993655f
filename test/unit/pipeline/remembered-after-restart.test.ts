import { afterEach, describe, expect, test } from 'vitest';
import { openPolicies } from '../../../src/policies.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type DurableFlow, startProcess } from '../../support/durable-flow.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { itemsSeen, randomTrace, recordsMessages, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

/**
 * Scenario: a process with a log is killed between windows, and another goes on over the same disk; what earlier windows left behind for later ones is saved beside the log.
 * Guarantees: policies see it as if nothing had happened. Controls: without these files they do not.
 */

const chance = mulberry(31);
const traces = Array.from({ length: 60 }, () => randomTrace(chance));
const keptTrace = 'a'.repeat(18) + 'f'.repeat(14);

let flow: DurableFlow | null = null;
afterEach(() => {
  flow?.processor.close();
  flow = null;
});

interface Life {
  readonly sink: CollectingSink;
  readonly flow: DurableFlow;
  take(signal: 'traces' | 'logs', message: Uint8Array): Promise<void>;
  to(second: number): Promise<void>;
}

async function live(disk: FakeDisk, policies: readonly string[], atSecond: number): Promise<Life> {
  const sink = new CollectingSink();
  const own = await startProcess(disk, sink, atSecond * 1000, await openPolicies(policies.map((text, index) => ({ name: `p${index}`, text }))));
  flow = own;
  let nowSecond = atSecond;
  return {
    sink, flow: own,
    take: async (signal, bytes) => expect((await own.processor.intake.open(signal).accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK'),
    to: async (second) => {
      own.seam.advanceMs((second - nowSecond) * 1000);
      nowSecond = second;
      await own.processor.advance(own.seam.nowUnixNano());
    },
  };
}

async function killed(disk: FakeDisk, keepsState: boolean): Promise<FakeDisk> {
  flow?.processor.close();
  const next = disk.restart('kill');
  if (!keepsState) for (const name of await next.list('/data/state')) await next.remove(`/data/state/${name}`);
  return next;
}

describe('after a restart', () => {
  test.each([true, false])('windows of logs see traces that were kept before it: %s', async (keepsState) => {
    const policies = ['SELECT trace_id, 0.5 AS probability FROM traces', 'SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)'];
    let disk = new FakeDisk(1);
    const first = await live(disk, policies, 0);
    await first.take('traces', spansMessages([[{ trace: keptTrace, startMs: 1 }]])[0]);
    await first.to(12);
    await first.take('logs', recordsMessages([[{ trace: keptTrace, timeMs: 1 }, { trace: traces[0], timeMs: 1 }]])[0]);
    await first.to(22);
    expect(itemsSeen('traces', first.sink.messages('traces'))).toHaveLength(1);
    expect(first.sink.messages('logs')).toEqual([]);
    disk = await killed(disk, keepsState);
    const second = await live(disk, policies, 22);
    await second.to(60);
    expect(second.flow.tally.firstError).toBeNull();
    expect(itemsSeen('logs', second.sink.messages('logs')).map(({ trace, count }) => [trace, count])).toEqual(keepsState ? [[keptTrace, 2]] : []);
    await second.to(120);
    expect((await disk.list('/data/state')).filter((name) => name.startsWith('kept-')), 'what no window needs goes').toEqual([]);
  });

  test.each([true, false])('policies remember windows from before it: %s', async (keepsState) => {
    const policies = [`-- history: root_name\n-- history_windows: 3\nSELECT trace_id, CASE WHEN (SELECT coalesce(max(arrivals), 0) FROM history WHERE key = 'it''s') >= 30 THEN 1.0 ELSE 0.001 END AS probability FROM traces`];
    let disk = new FakeDisk(1);
    const first = await live(disk, policies, 0);
    await first.take('traces', spansMessages([traces.slice(0, 30).map((trace) => ({ trace, name: 'it\'s', startMs: 1 }))])[0]);
    await first.to(22);
    expect(first.flow.tally.firstError).toBeNull();
    disk = await killed(disk, keepsState);
    const second = await live(disk, policies, 22);
    await second.take('traces', spansMessages([traces.slice(30).map((trace) => ({ trace, name: 'it\'s', startMs: 1 }))])[0]);
    await second.to(45);
    expect(second.flow.tally.firstError).toBeNull();
    expect(second.flow.tally.bySignal.traces.kept).toBe(keepsState ? 30 : 0);
    expect((await disk.list('/data/state')).filter((name) => name.endsWith('-170000000.json'))).toHaveLength(keepsState ? 1 : 0);
    await second.to(60);
    await second.take('traces', spansMessages([[{ trace: traces[0], name: 'it\'s', startMs: 1 }]])[0]);
    await second.to(90);
    expect((await disk.list('/data/state')).map((name) => name.slice(-14)), 'what no window looks back at goes').toEqual(['170000006.json']);
  });

  test('files that are not whole are left out and removed', async () => {
    const policies = ['-- history: root_name\nSELECT trace_id, 1.0 AS probability FROM traces'];
    let disk = new FakeDisk(1);
    const first = await live(disk, policies, 0);
    await first.take('traces', spansMessages([[{ trace: traces[0], startMs: 1 }]])[0]);
    await first.to(22);
    const [name] = await disk.list('/data/state');
    disk.corrupt(`/data/state/${name}`, 40);
    disk = await killed(disk, true);
    const second = await live(disk, policies, 22);
    expect(await disk.list('/data/state')).toEqual([]);
    expect(second.flow.said.states).toEqual([]);
  });
});
