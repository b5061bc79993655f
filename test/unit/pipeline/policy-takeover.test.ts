import { describe, expect, test } from 'vitest';
import { SlotRing } from '../../../src/pipeline/slot-ring.ts';
import type { StampCounts } from '../../../src/pipeline/stamp-rows.ts';
import { TallyObserver } from '../../../src/pipeline/tally.ts';
import type { WindowDecision } from '../../../src/pipeline/window-decision.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { slotPlanOf } from '../../../src/policy/slot-plan-of.ts';
import type { SampledSignal } from '../../../src/store/slot-plan.ts';
import { useEngine } from '../../sql/store/engine.ts';
import { type Flow, openFlow } from '../../sql/store/support.ts';
import { readCapture } from '../../support/captures.ts';
import { recordsMessages, spansMessages } from '../../support/given-messages.ts';
import { type SpanSpec, spanMessages, spansOf } from './synthetic.ts';

/**
 * Scenario: a processor by event time, windows of 10 s that wait 30 s, traces whose spans lie in up to three slots; policies are replaced
 * while windows are open.
 * Guarantees: each window is decided by one set, the newest that its slots can serve; a set with new columns waits for slots
 * that have them, a set without takes the next window; keys are found in every slot whatever their columns are called there.
 */

/** Remembers by which policies each window was decided. */
class Decisions extends TallyObserver {
  readonly windows: string[] = [];
  readonly inForce: string[] = [];

  override decided(signal: SampledSignal, decision: WindowDecision, counts: StampCounts): void {
    super.decided(signal, decision, counts);
    this.windows.push(decision.outcomes.map(({ policy }) => policy.name).join('+'));
  }

  override policiesInForce(signal: SampledSignal, generation: number): void {
    this.inForce.push(`${signal} ${generation}`);
  }
}

async function compiled(policies: { readonly [name: string]: string }): Promise<{ readonly [name: string]: CompiledPolicy }> {
  const compiler = await PolicyCompiler.create([]);
  try {
    const entries: [string, CompiledPolicy][] = [];
    for (const [name, sql] of Object.entries(policies)) entries.push([name, await compiler.compile(name, sql)]);
    return Object.fromEntries(entries);
  } finally {
    compiler.close();
  }
}

/** A trace that starts in slot `n`, with spans 12 s and 24 s later; every value tells its key. */
const traceOf = (n: number): SpanSpec[] => [0, 12, 24].map((second) => ({
  trace: n + 1, name: `trace ${n} second ${second}`, startMs: (100 + n) * 10_000 + 1000 + second * 1000, attributes: { u: `u ${n}`, v: `v ${n}`, w: n },
}));

/** One message a slot of 10 s: what starts or goes on in it. */
const messages = (slots: number): Uint8Array[] => {
  const spans = Array.from({ length: slots }, (_, n) => traceOf(n)).flat();
  return spanMessages(Array.from({ length: slots }, (_, n) => spans.filter(({ startMs }) => Math.floor(startMs / 10_000) === 100 + n)).filter((batch) => batch.length > 0));
};

/** Feeds so many slots; `before(n, flow)` is called before the spans of slot n come. */
async function play(
  first: readonly CompiledPolicy[], before: (slot: number, use: (...policies: CompiledPolicy[]) => void) => void, slots = 10,
): Promise<{ readonly flow: Flow; readonly observer: Decisions }> {
  const observer = new Decisions();
  const flow = await openFlow({ policies: first, observer });
  try {
    const stream = flow.processor.intake.open('traces');
    for (const [slot, bytes] of messages(slots).entries()) {
      before(slot, (...policies) => flow.processor.usePolicies(policies));
      const { ack } = await stream.accept({ bytes, compressed: null, encoding: 'identity' });
      expect(ack.status).toBe('OK');
      await flow.processor.advance(0n);
    }
    await flow.processor.drain();
  } finally {
    flow.processor.close();
  }
  expect(observer.firstError).toBeNull();
  return { flow, observer };
}

const tracesKept = ({ sink }: Flow): number[] => [...new Set(spansOf(sink.messages('traces')).map(({ name }) => Number(name.split(' ')[1])))].sort((a, b) => a - b);

describe('a set that reads a column that the one before did not', () => {
  test('waits for a window whose slots all have it; the old one decides until then', async () => {
    const { old, fresh } = await compiled({
      old: 'SELECT trace_id, 1.0 AS probability FROM traces',
      fresh: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] LIKE 'u %' AND attributes['w']::BIGINT % 2 = 0",
    });
    // Slots 0 to 4 exist, with window 0 decided, when the new set comes; slot 5 is the first that projects its keys.
    const { flow, observer } = await play([old], (slot, use) => { if (slot === 5) use(fresh); });
    expect(observer.windows).toEqual(['old', 'old', 'old', 'old', 'old', 'fresh', 'fresh', 'fresh', 'fresh', 'fresh']);
    expect(tracesKept(flow)).toEqual([0, 1, 2, 3, 4, 6, 8]);
    expect(observer.inForce).toEqual(['traces 1', 'logs 1', 'logs 2', 'traces 2']);
    expect(spansOf(flow.sink.messages('traces')).filter(({ name }) => name.startsWith('trace 4 '))).toHaveLength(3);
  });

  test('of events, links and star tables too', async () => {
    const { old, events, links, star } = await compiled({
      old: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['v'] LIKE 'v %'",
      events: "SELECT trace_id, 1.0 AS probability FROM spans s WHERE NOT EXISTS (FROM span_events e WHERE e.parent_id = s.id AND e.attributes['x'] = 'y')",
      links: "SELECT trace_id, 1.0 AS probability FROM spans s WHERE NOT EXISTS (FROM span_link_attrs e WHERE e.key = 'x')",
      star: "SELECT s.trace_id, 1.0 AS probability FROM spans s JOIN span_attrs a ON a.parent_id = s.id AND a.key = 'u' WHERE a.str LIKE 'u %'",
    });
    for (const fresh of [events, links, star]) {
      const { flow, observer } = await play([old], (slot, use) => { if (slot === 3) use(fresh); }, 6);
      expect(observer.windows).toEqual(['old', 'old', 'old', fresh.name, fresh.name, fresh.name]);
      expect(tracesKept(flow)).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });
});

describe('a set that reads nothing new', () => {
  test('decides the next window', async () => {
    const { old, fresh } = await compiled({
      old: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] LIKE 'u %' AND attributes['v'] LIKE 'v %'",
      fresh: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['v'] LIKE 'v %'",
    });
    const { flow, observer } = await play([old], (slot, use) => { if (slot === 5) use(fresh); });
    expect(observer.windows).toEqual(['old', ...new Array<string>(9).fill('fresh')]);
    expect(tracesKept(flow)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('though its keys have other columns in the slots that come, and the same window reads both', async () => {
    const { uv, vu } = await compiled({
      uv: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] LIKE 'u %' AND attributes['v'] LIKE 'v %'",
      vu: "SELECT trace_id, CASE WHEN attributes['v'] LIKE 'v %' AND attributes['u'] LIKE 'u %' THEN 1.0 ELSE 7.0 END AS probability FROM spans",
    });
    expect([uv, vu].map((policy) => slotPlanOf('traces', [policy]).keys.map(({ key, column }) => `${column} ${key}`))).toEqual([['a0 u', 'a1 v'], ['a0 v', 'a1 u']]);
    const { flow, observer } = await play([uv], (slot, use) => use(slot % 2 === 0 ? vu : uv));
    expect(observer.windows).toHaveLength(10);
    expect(new Set(observer.windows)).toEqual(new Set(['uv', 'vu']));
    expect(tracesKept(flow)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(spansOf(flow.sink.messages('traces'))).toHaveLength(8 * 3 + 2 + 1);
  });
});

describe('sets that come and go', () => {
  test('before the first batch: the last one decides everything', async () => {
    const { a, b, c } = await compiled({
      a: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] = 'u 1'",
      b: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['v'] = 'v 2'",
      c: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['w']::BIGINT = 3",
    });
    const { flow, observer } = await play([a], (slot, use) => {
      if (slot !== 0) return;
      use(b);
      use(c);
    }, 5);
    expect(new Set(observer.windows)).toEqual(new Set(['c']));
    expect(tracesKept(flow)).toEqual([3]);
  });

  test('back to what was, while the new one waits: no window is decided by the one that was taken back', async () => {
    const { old, wrong } = await compiled({
      old: 'SELECT trace_id, 1.0 AS probability FROM traces',
      wrong: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] = 'nothing'",
    });
    const { flow, observer } = await play([old], (slot, use) => {
      if (slot === 4) use(wrong);
      if (slot === 6) use(old);
    });
    expect(new Set(observer.windows)).toEqual(new Set(['old']));
    expect(tracesKept(flow)).toHaveLength(10);
  });

  test('policies are added, renamed, put in another order and taken away', async () => {
    const { a, b, c } = await compiled({
      a: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['w']::BIGINT % 2 = 0",
      b: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] IN ('u 7', 'u 9')",
      c: "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['u'] IN ('u 7', 'u 9')",
    });
    const { flow, observer } = await play([a], (slot, use) => {
      if (slot === 1) use(a, b);
      if (slot === 6) use(c, a);
      if (slot === 12) use(a);
    }, 14);
    expect(observer.windows[0]).toBe('a');
    expect(observer.windows.slice(1, 2)).toEqual(['a+b']);
    expect(new Set(observer.windows)).toEqual(new Set(['a', 'a+b', 'c+a']));
    expect(observer.windows.at(-1)).toBe('a');
    const kept = tracesKept(flow);
    expect(kept.filter((n) => n % 2 === 0)).toEqual([0, 2, 4, 6, 8, 10, 12]);
    expect(kept.filter((n) => n % 2 === 1)).toEqual([7]);
  });

  test('a policy that goes over to the other signal', async () => {
    const { traces, logs } = await compiled({
      traces: 'SELECT trace_id, 1.0 AS probability FROM traces', logs: "SELECT id, 1.0 AS probability FROM logs WHERE body IS NOT NULL OR body IS NULL",
    });
    const observer = new Decisions();
    const flow = await openFlow({ policies: [traces], observer });
    flow.processor.usePolicies([logs]);
    const stream = flow.processor.intake.open('logs');
    for (const bytes of readCapture('collector_logs')) await stream.accept({ bytes, compressed: null, encoding: 'identity' });
    await flow.processor.drain();
    flow.processor.close();
    expect(observer.firstError).toBeNull();
    expect([...new Set(observer.windows)]).toEqual(['logs']);
    expect(observer.bySignal.logs.kept).toBe(observer.bySignal.logs.items);
  });
});

describe('policies of logs that begin to read kept_traces', () => {
  const slots = 24;
  const trace = (n: number, of: number): string => `${(n * 1000 + of + 1).toString(16).padStart(18, '0')}${'f'.repeat(14)}`;
  const at = (n: number): number => (100 + n) * 10_000 + 500;

  /** Every record's trace is kept, so a policy of kept traces' records keeps every record, once it knows all of them. */
  async function played(swapAt: readonly number[]): Promise<Decisions> {
    const { traces, all, ofKept } = await compiled({
      traces: 'SELECT trace_id, 1.0 AS probability FROM traces', all: 'SELECT id, 1.0 AS probability FROM logs WHERE trace_id IS NOT NULL',
      ofKept: 'SELECT l.id, 1.0 AS probability FROM logs l JOIN kept_traces k ON k.trace_id = l.trace_id',
    });
    const observer = new Decisions();
    const flow = await openFlow({ policies: [traces, all], observer, windows: { tracesLengthMs: 10_000, tracesWaitMs: 5000, logsLengthMs: 60_000 } });
    const of = (n: number) => Array.from({ length: 20 }, (_, i) => ({ trace: trace(n, i), startMs: at(n), timeMs: at(n) + 5000, name: 'x' }));
    const messages = { traces: spansMessages(Array.from({ length: slots }, (_, n) => of(n))), logs: recordsMessages(Array.from({ length: slots }, (_, n) => of(n))) };
    const streams = { traces: flow.processor.intake.open('traces'), logs: flow.processor.intake.open('logs') };
    for (let n = 0; n < slots; n++) {
      if (swapAt.includes(n)) flow.processor.usePolicies(swapAt.indexOf(n) % 2 === 0 ? [traces, ofKept] : [traces, all]);
      for (const signal of ['traces', 'logs'] as const) {
        expect((await streams[signal].accept({ bytes: messages[signal][n], compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
        await flow.processor.advance(0n);
      }
    }
    await flow.processor.drain();
    flow.processor.close();
    expect(observer.firstError).toBeNull();
    return observer;
  }

  // Windows of logs end at slots 2, 8, 14 and 20; those of traces are decided long before.
  test.each([[[11]], [[0]], [[1]], [[5, 6, 12]], [[3, 9, 10]]])('at slots %j: nothing is lost', async (swapAt) => {
    const { bySignal, windows } = await played(swapAt);
    expect(bySignal.logs.kept).toBe(slots * 20);
    expect(windows).toContain('ofKept');
  });
});

describe('the ring of slots', () => {
  const engine = useEngine();

  test('tells the plans of slots that are being created, which keep the plan that they began with', async () => {
    const plan = { signal: 'logs', fields: [], keys: [], children: [], stars: [] } as const;
    const ring = new SlotRing(engine.session(), 'takeover', plan);
    const creating = ring.ensure(4);
    const next = { ...plan, fields: ['body'] };
    ring.usePlan(next);
    expect(ring.plansOf()).toEqual([plan]);
    expect((await creating).plan).toBe(plan);
    await ring.ensure(5);
    expect(ring.plansOf()).toEqual([plan, next]);
    expect([ring.plansOf(5), ring.plansOf(0, 4), ring.plansOf(6)]).toEqual([[next], [plan], []]);
  });
});
