import { describe, expect, test } from 'vitest';
import { freshBuffers } from '../../../src/base/buffer-source.ts';
import { realSeam } from '../../../src/base/seam.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { type Combining, plainUnion } from '../../../src/pipeline/combining.ts';
import { KeepReasons } from '../../../src/pipeline/keep-reasons.ts';
import { Followers } from '../../../src/pipeline/followers.ts';
import { OpenTraces } from '../../../src/pipeline/open-traces.ts';
import { PartialTraces } from '../../../src/pipeline/partial-traces.ts';
import { SignalIntake } from '../../../src/pipeline/signal-intake.ts';
import { SlotRing } from '../../../src/pipeline/slot-ring.ts';
import type { KeptRows } from '../../../src/pipeline/kept-rows.ts';
import type { TraceMemory } from '../../../src/pipeline/trace-memory.ts';
import { TraceWindows, type WindowDecision } from '../../../src/pipeline/trace-windows.ts';
import { WindowClock } from '../../../src/pipeline/window-clock.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { slotPlanOf } from '../../../src/policy/slot-plan-of.ts';
import { PolicyRunner } from '../../../src/policy/window-policies.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import { Database, Session } from '../../../src/store/duckdb.ts';
import { LookupCache } from '../../../src/store/lookup.ts';
import { heldBatch } from '../../sql/store/projected.ts';
import { compile } from '../../sql/store/support.ts';
import { type SpanSpec, spanMessages, traceId } from './synthetic.ts';

const one = 2n ** 56n;

/** Statements that fail while a pattern is set. */
class FailingSession extends Session {
  pattern: RegExp | null = null;

  override run(sql: string): ReturnType<Session['run']> {
    return this.pattern?.test(sql) === true ? Promise.reject(new Error('Out of Memory Error')) : super.run(sql);
  }
}

/** The part of the main path that decides traces, by arrival in slots of 10 s. */
class Lane {
  readonly #intake: SignalIntake;
  readonly #messages = new OtapStreamDecoder('traces');
  readonly account = { retained: 0 };
  readonly engine: FailingSession;
  readonly ring: SlotRing;
  readonly windows: TraceWindows;
  readonly traces: TraceMemory;
  readonly #combining: Combining;
  readonly late: string[] = [];
  onMismatch: () => void = () => undefined;
  readonly policies: readonly CompiledPolicy[];
  readonly #pending: Uint8Array[];
  #batches = 0;

  constructor(policies: readonly CompiledPolicy[], database: Database, [writer, session]: readonly [Session, FailingSession], batches: readonly (readonly SpanSpec[])[], fallbackN = one, combining = plainUnion) {
    this.policies = policies;
    this.#combining = combining;
    this.traces = { open: new OpenTraces(), decided: new DecisionCache(1000, 0, combining.reasons !== null), followers: new Followers(), partial: new PartialTraces() };
    this.engine = session;
    this.#pending = spanMessages(batches);
    this.ring = new SlotRing(writer, 't', slotPlanOf('traces', policies));
    const hash = new KeyedHash(new Uint8Array(16));
    const runner = new PolicyRunner(() => database.connect(), { deadlineMs: 10_000, rowsMax: 1000 }, realSeam());
    this.windows = new TraceWindows({ engine: session, ring: this.ring, runner, fallback: { n: fallbackN }, hash, combining, keptTraces: null, certificate: null }, this.traces);
    this.#intake = new SignalIntake({
      signal: 'traces', ring: this.ring, clock: new WindowClock(10_000, 20_000), time: 'arrival', traces: this.traces, hash,
      tools: { lookups: new LookupCache(), onMismatch: () => this.onMismatch() }, pace: () => Promise.resolve(),
      onLate: ({ kept, droppedCount }) => this.late.push(...namesOf(kept, combining.reasons), ...(droppedCount > 0 ? [`${droppedCount} dropped`] : [])),
    });
  }

  /** The next batch comes, at a second. */
  async arrive(second: number): Promise<void> {
    const bytes = this.#pending.shift();
    if (bytes === undefined) throw new Error('no batch is left');
    const batch = this.#messages.decode(bytes);
    await this.#intake.take(batch, heldBatch(batch, bytes, this.#batches++, this.account), BigInt(second) * 1_000_000_000n, freshBuffers);
  }

  /** Decides a window as the loop does; what is kept, by name and N, and why where that is asked for. */
  async decide(slot: number): Promise<string[]> {
    this.ring.closeBefore(slot + 1);
    const decision = await this.#decideOrFallBack(slot);
    if (decision === null) return ['no window'];
    const kept = namesOf(decision.kept, this.#combining.reasons);
    await decision.release();
    return kept;
  }

  async #decideOrFallBack(slot: number): Promise<WindowDecision | null> {
    try {
      return await this.windows.decide(slot, this.policies);
    } catch {
      return this.windows.fallBack(slot);
    }
  }
}

async function lane(sql: readonly string[], batches: readonly (readonly SpanSpec[])[], fallbackN = one, combining = plainUnion): Promise<Lane> {
  const database = await Database.open({ memoryLimitBytes: 2 ** 28, threads: 1 });
  const [writer, { raw }] = [await database.connect(), await database.connect()];
  return new Lane(await compile(...sql), database, [writer, new FailingSession(raw)], batches, fallbackN, combining);
}

/** `name`, ` at N` where that is not all, and why, of kept rows. */
function namesOf(kept: readonly KeptRows[], reasons: KeepReasons | null): string[] {
  return kept.flatMap(({ batch, rows, n, isUndecided, reasons: codes }) => {
    const names = batch.open().table('SPANS')?.column('name') ?? null;
    if (names?.kind !== 'dictionary') throw new Error('names expected');
    return Array.from(rows, (row, index) => {
      const at = BigInt(n[index * 2]) | (BigInt(n[index * 2 + 1]) << 32n);
      return `${names.dictionary.store.text(names.codes[row])}${at === one ? '' : ` at ${at}`}${isUndecided ? ' by fallback' : ''}${reasons === null ? '' : ` for ${reasons.text(codes?.[index] ?? 0)}`}`;
    });
  }).sort();
}

const span = (trace: number | string, name: string): SpanSpec => ({ trace, name, startMs: 1000 });
const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';
const keepOdd = `SELECT trace_id, 1.0 AS probability FROM traces WHERE trace_id::VARCHAR LIKE '%1ff-%'`;

/** Trace 1 is kept by `keepOdd`, trace 2 is not. */
test('the traces of these tests are told apart', () => {
  expect([traceId(1), traceId(2)]).toEqual(['000000000000000001ffffffffffffff', '000000000000000002ffffffffffffff']);
});

test.each(['decide', 'fallBack'] as const)('%s: what is kept of a window that closed early says so', async (by) => {
  const traces = await lane([keepAll], [[span(1, 'a')]]);
  await traces.arrive(1);
  traces.ring.closesEarly(0, 'memory');
  traces.ring.closeBefore(1);
  const decision = await traces.windows[by](0, traces.policies);
  expect(decision?.kept.map(({ partial }) => partial)).toEqual(['memory']);
  await decision?.release();
});

describe('a trace over several slots', () => {
  test('is decided whole, with the window of its first span, once', async () => {
    const traces = await lane(['SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count = 3'], [[span(1, 'a'), span(2, 'b')], [span(1, 'c')], [span(1, 'd'), span(3, 'e')]]);
    for (const second of [1, 11, 21]) await traces.arrive(second);
    expect(await traces.decide(0)).toEqual(['a', 'c', 'd']);
    expect(await traces.decide(1)).toEqual([]);
    expect(await traces.decide(2)).toEqual([]);
    expect(traces.account.retained).toBe(0);
    expect(traces.ring.numbers).toEqual([]);
  });

  test('comes late: follows the decision at arrival, kept and dropped', async () => {
    const traces = await lane(['SELECT trace_id, 0.5 AS probability FROM traces WHERE root_name = \'a\''], [[span(1, 'a'), span(2, 'b')], [span(1, 'late a'), span(2, 'late b'), span(3, 'c')]]);
    await traces.arrive(1);
    expect(await traces.decide(0)).toEqual([`a at ${2n ** 55n}`]);
    await traces.arrive(31);
    expect(traces.late).toEqual([`late a at ${2n ** 55n}`, '1 dropped']);
    expect(await traces.decide(3)).toEqual([]);
    expect(traces.account.retained).toBe(0);
  });

  test('rows that come while their trace is decided follow the decision, in slots old and new', async () => {
    // By what only the first window can know.
    const slow = Array.from({ length: 30 }, () => "SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name IN ('a', 'own')");
    const traces = await lane(slow, [[span(1, 'a'), span(2, 'b')], [span(3, 'x')], [span(1, 'old slot'), span(2, 'no')], [span(1, 'new slot'), span(2, 'no'), span(17, 'own')]]);
    await traces.arrive(1);
    await traces.arrive(11);
    const deciding = traces.decide(0);
    await Promise.resolve();
    await traces.arrive(12);
    await traces.arrive(21);
    expect(traces.late).toEqual([]);
    expect(await deciding).toEqual(['a', 'new slot', 'old slot']);
    expect(traces.late).toEqual([]);
    expect(await traces.decide(1)).toEqual([]);
    expect(await traces.decide(2)).toEqual(['own']);
    expect(traces.account.retained).toBe(0);
    const left = await traces.engine.api.runAndReadAll('SELECT table_name FROM duckdb_tables()');
    expect(left.getRows()).toEqual([]);
  });

  test('a batch that cannot be projected is refused whole, its rows of traces that are being decided too', async () => {
    const slow = Array.from({ length: 30 }, () => "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['x']::BIGINT IS NULL");
    const traces = await lane(slow, [[span(1, 'a')], [span(1, 'refused'), { ...span(3, 'x'), attributes: { x: 'no number' } }], [span(1, 'taken')]]);
    await traces.arrive(1);
    const deciding = traces.decide(0);
    await Promise.resolve();
    traces.onMismatch = () => {
      throw new Error('unreadable');
    };
    await expect(traces.arrive(12)).rejects.toThrow('unreadable');
    await traces.arrive(12);
    expect(await deciding).toEqual(['a', 'taken']);
    expect(traces.late).toEqual([]);
  });

  test('a window of late rows only is empty and harmless', async () => {
    const traces = await lane([keepAll], [[span(1, 'a')], [span(1, 'b')]]);
    await traces.arrive(1);
    await traces.decide(0);
    await traces.arrive(31);
    expect(await traces.decide(3)).toEqual([]);
    expect(await traces.decide(4)).toEqual(['no window']);
  });
});

describe('several policies', () => {
  test('a trace has the greatest probability that any gives; spans stand for their traces', async () => {
    const traces = await lane([
      'SELECT trace_id, 0.25 AS probability FROM traces',
      "SELECT trace_id, id, 0.5 AS probability FROM spans WHERE name = 'b'",
    ], [[span(1, 'a'), span(2, 'b'), span(2, 'c')]]);
    await traces.arrive(1);
    expect(await traces.decide(0)).toEqual([`a at ${2n ** 54n}`, `b at ${2n ** 55n}`, `c at ${2n ** 55n}`]);
  });

  test('one that fails gives all its items the fallback; the others count as they are', async () => {
    const failing = "SELECT trace_id, CASE WHEN root_name = 'a' THEN 1.5 ELSE 1.0 END AS probability FROM traces";
    const traces = await lane([failing, "SELECT trace_id, 0.5 AS probability FROM traces WHERE root_name = 'b'"], [[span(1, 'a'), span(2, 'b')]], 2n ** 52n);
    await traces.arrive(1);
    expect(await traces.decide(0)).toEqual([`a at ${2n ** 52n}`, `b at ${2n ** 55n}`]);
  });
});

describe('why rows are kept', () => {
  const keepA = "SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name IN ('a', 'own')";
  const asked = (): Combining => ({ combine: 'union', reasons: new KeepReasons() });

  test('late rows and those that come while their trace is decided have its reasons', async () => {
    const slow = Array.from({ length: 30 }, () => 'SELECT trace_id, 0.0 AS probability FROM traces');
    const traces = await lane([...slow, keepA, keepA], [[span(1, 'a'), span(2, 'b')], [span(3, 'x')], [span(1, 'old slot'), span(2, 'no')], [span(1, 'new slot'), span(17, 'own')], [span(1, 'late')]], one, asked());
    await traces.arrive(1);
    await traces.arrive(11);
    const deciding = traces.decide(0);
    await Promise.resolve();
    await traces.arrive(12);
    await traces.arrive(21);
    expect(await deciding).toEqual(['a for p30,p31', 'new slot for p30,p31', 'old slot for p30,p31']);
    expect(await traces.decide(1)).toEqual([]);
    expect(await traces.decide(2)).toEqual(['own for p30,p31']);
    await traces.arrive(31);
    expect(traces.late).toEqual(['late for p30,p31']);
  });

  test('when the engine fails: the fallback, and what follows a decision by that', async () => {
    const traces = await lane(Array.from({ length: 30 }, () => keepA), [[span(1, 'a'), span(2, 'b')], [span(3, 'x')], [span(1, 'followed')], [span(3, 'late x')]], one, asked());
    await traces.arrive(1);
    await traces.arrive(11);
    const deciding = traces.decide(0);
    await Promise.resolve();
    await traces.arrive(12);
    const all = Array.from({ length: 30 }, (_, index) => `p${index}`).join(',');
    expect(await deciding).toEqual([`a for ${all}`, `followed for ${all}`]);
    traces.engine.pattern = /_traces AS/;
    expect(await traces.decide(1)).toEqual(['x by fallback for fallback']);
    await traces.arrive(21);
    expect(traces.late).toEqual(['late x for fallback']);
  });
});

describe('when the engine fails on a window', () => {
  const batches = [[span(1, 'a'), span(2, 'b')], [span(1, 'c'), span(2, 'd'), span(3, 'e')], [span(3, 'f'), span(1, 'g')]];

  test.each([/_traces AS/, /_picks/, /_kept AS/, /_decided AS/, /SELECT d\.trace_id, d\.n/, /SELECT r\.wseq/])('%s: its rows go by the fallback, and nothing that was sent goes again', async (pattern) => {
    const traces = await lane([keepOdd], batches);
    await traces.arrive(1);
    await traces.arrive(11);
    expect(await traces.decide(0)).toEqual(['a', 'c']);
    traces.engine.pattern = pattern;
    expect(await traces.decide(1)).toEqual(['e by fallback']);
    // What comes later of its traces follows it; what comes of others follows theirs.
    await traces.arrive(21);
    expect(traces.late).toEqual(['f', 'g']);
    traces.engine.pattern = null;
    expect(await traces.decide(2)).toEqual([]);
    expect(traces.account.retained).toBe(0);
  });

  test('the first window: all spans of its traces go by the fallback, other traces by their own windows', async () => {
    const traces = await lane([keepOdd], batches);
    await traces.arrive(1);
    await traces.arrive(11);
    traces.engine.pattern = /_traces AS/;
    expect(await traces.decide(0)).toEqual(['a by fallback', 'b by fallback', 'c by fallback', 'd by fallback']);
    traces.engine.pattern = null;
    await traces.arrive(21);
    expect(traces.late).toEqual(['g']);
    expect(await traces.decide(1)).toEqual([]);
  });

  test('rows that came while their trace was decided follow it under the fallback too', async () => {
    const traces = await lane(Array.from({ length: 30 }, () => keepOdd), [[span(1, 'a'), span(2, 'b')], [span(3, 'x')], [span(1, 'followed'), span(2, 'no')]]);
    await traces.arrive(1);
    await traces.arrive(11);
    traces.engine.pattern = /_kept AS/;
    const deciding = traces.decide(0);
    await Promise.resolve();
    await traces.arrive(12);
    expect(traces.late).toEqual([]);
    expect(await deciding).toEqual(['a by fallback', 'b by fallback', 'followed', 'no']);
    expect(await traces.decide(1)).toEqual(['x by fallback']);
  });
});
