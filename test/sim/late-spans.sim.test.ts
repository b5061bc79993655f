import { describe, expect, test } from 'vitest';
import { followDecisions } from '../../src/pipeline/late-rows.ts';
import { openPolicies } from '../../src/policies.ts';
import { DecisionCache } from '../../src/policy/decision-cache.ts';
import { openFlow } from '../sql/store/support.ts';
import { type GivenSpan, itemsSeen, randomTrace, type SeenItem, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: ten windows of 3,000 traces, a tenth of which is kept; then a late span of each, which failed and would be kept for certain if it were
 * decided anew. The cache holds fewer decisions than that, so that some windows are past the horizon.
 * Guarantees (sampling.md, rule 17): within the horizon late spans follow their trace's decision, kept or dropped, with max(T_in, T_trace); past it they are
 * decided anew; which of the two goes by the age of the window alone; the estimate of late spans is unbiased in every window.
 * Controls: only kept traces are remembered, or they are remembered for longer than dropped ones: 1.90.
 */

const windowCount = 10;
const tracesOfWindow = 3_000;
const p = 0.1;
const lengthMs = 10_000;
/** So that a generation is full in the middle of a window. */
const decisionsMax = 8_000;

interface Trace {
  readonly trace: string;
  readonly window: number;
  /** Whether its late span came with th:8. */
  readonly isSampled: boolean;
}

function tracesOf(seed: number): Trace[] {
  const chance = mulberry(seed);
  return Array.from({ length: windowCount * tracesOfWindow }, (_, i) => ({ trace: randomTrace(chance), window: Math.floor(i / tracesOfWindow), isSampled: i % 3 === 0 }));
}

const startOf = (window: number): number => 1e9 + window * lengthMs + 1;

/** Late spans that upstream let through. */
function lateOf(traces: readonly Trace[]): GivenSpan[] {
  return traces.filter(({ trace, isSampled }) => !isSampled || shareOf(trace) <= 0.5)
    .map(({ trace, isSampled }) => ({ trace, name: 'failed', startMs: startOf(windowCount + 3), ...(isSampled ? { traceState: 'ot=th:8' } : {}) }));
}

interface Sums {
  readonly ratio: number;
  readonly z: number;
}

/** Estimate over truth of the late spans of some traces. */
function estimate(traces: readonly Trace[], late: readonly SeenItem[]): Sums {
  const counts = new Map(late.map(({ trace, count }) => [trace, count]));
  const off = traces.map(({ trace }) => (counts.get(trace) ?? 0) - 1);
  const sum = off.reduce((a, b) => a + b, 0);
  const squares = off.reduce((a, b) => a + b * b, 0);
  return { ratio: 1 + sum / traces.length, z: squares === 0 ? 0 : sum / Math.sqrt(squares) };
}

describe('late spans through the pipeline', () => {
  const traces = tracesOf(23);
  const byWindow = Map.groupBy(traces, ({ window }) => window);
  const late: SeenItem[] = [];

  test('follow their trace within the horizon, and are decided anew past it: by age alone, unbiased', async () => {
    const text = `SELECT trace_id, CASE WHEN root_name = 'failed' THEN 1.0 ELSE ${p} END AS probability FROM traces`;
    const flow = await openFlow({ ...(await openPolicies([{ name: 'p', text }])), windows: { tracesLengthMs: lengthMs, tracesWaitMs: 0, logsLengthMs: lengthMs }, decisionsMax });
    try {
      const stream = flow.processor.intake.open('traces');
      const first = [...byWindow].map(([window, its]) => its.map(({ trace }): GivenSpan => ({ trace, name: 'plain', startMs: startOf(window) })));
      const lateSpans = lateOf(traces);
      const lists = Array.from({ length: Math.ceil(lateSpans.length / 5000) }, (_, i) => lateSpans.slice(i * 5000, (i + 1) * 5000));
      for (const [index, bytes] of spansMessages([...first, ...lists]).entries()) {
        if (index === windowCount) await flow.processor.drain();
        expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
        if (index < windowCount) await flow.processor.advance(0n);
      }
      await flow.processor.drain();
      expect(flow.tally.firstError).toBeNull();
      const seen = itemsSeen('traces', flow.sink.messages('traces'));
      const keptTraces = traces.filter(({ trace }) => shareOf(trace) <= p).length;
      const firstOf = new Set<string>();
      for (const item of seen) {
        if (firstOf.size < keptTraces && !firstOf.has(item.trace)) firstOf.add(item.trace);
        else late.push(item);
      }
      expect(firstOf.size).toBe(keptTraces);
    } finally {
      flow.processor.close();
    }
    const here = new Set(late.map(({ trace }) => trace));
    const remembered: boolean[] = [];
    for (const [window, its] of byWindow) {
      const arrived = its.filter(({ trace, isSampled }) => !isSampled || shareOf(trace) <= 0.5);
      const dropped = arrived.filter(({ trace }) => shareOf(trace) > p).map(({ trace }) => here.has(trace));
      expect(new Set(dropped).size, `window ${window} is remembered whole or not at all`).toBe(1);
      remembered.push(!dropped[0]);
      const { ratio, z } = estimate(its, late);
      expect(Math.abs(z), `window ${window}: ${ratio.toFixed(3)}`).toBeLessThan(4);
    }
    expect(remembered.indexOf(true)).toBeGreaterThan(0);
    expect(remembered.slice(remembered.indexOf(true)).every((is) => is)).toBe(true);
    console.log('remembered', remembered.map(Number).join(' '), 'all', estimate(traces, late));
  });

  test('leave with max(T_in, T_trace), which their R reaches', () => {
    const of = new Map(traces.map((trace) => [trace.trace, trace]));
    const thresholds = new Set<string>();
    for (const { trace, count, threshold } of late) {
      const pIn = of.get(trace)?.isSampled === true ? 0.5 : 1;
      thresholds.add(`${pIn} ${threshold}`);
      if (pIn === 0.5 && threshold === '8') expect(count).toBe(2);
      expect(shareOf(trace)).toBeLessThanOrEqual(1 / count);
    }
    expect([...thresholds].sort()).toEqual(['0.5 8', '0.5 e6666666666666', '1 0', '1 e6666666666666']);
  });
});

describe('what is remembered', () => {
  const traces = tracesOf(29);
  const ids = new Uint32Array(traces.flatMap(({ trace }) => [0, 8, 16, 24].map((at) => Number.parseInt(trace.slice(at, at + 8), 16))));
  const rows = Uint32Array.from(traces.keys());
  const n = (index: number): bigint => (shareOf(traces[index].trace) <= p ? BigInt(Math.floor(p * 2 ** 56)) : 0n);

  /** Late spans by a cache that was asked to remember what `isPut` says: those it has forgotten are kept for certain. */
  function lateBy(cache: DecisionCache, isPut: (index: number) => boolean): SeenItem[] {
    for (const index of rows) if (isPut(index)) cache.put(ids, index * 4, n(index));
    const { kept, forgotten } = followDecisions(cache, ids, rows);
    const item = (count: number) => (row: number): SeenItem => ({ key: '', trace: traces[row].trace, count, isUnknown: false, threshold: null });
    return [...Array.from(kept, item(1 / p)), ...Array.from(forgotten, item(1))];
  }

  test('everything, all or the newest: unbiased', () => {
    expect(Math.abs(estimate(traces, lateBy(new DecisionCache(100_000), () => true)).z)).toBeLessThan(4);
    expect(Math.abs(estimate(traces, lateBy(new DecisionCache(decisionsMax), () => true)).z)).toBeLessThan(4);
  });

  test('control: kept traces alone, 1.90', () => {
    const found = estimate(traces, lateBy(new DecisionCache(100_000), (index) => n(index) > 0n));
    console.log('control: kept alone', found);
    expect(found.ratio).toBeCloseTo(2 - p, 1);
    expect(found.z).toBeGreaterThan(20);
  });

  test('control: kept traces for longer than dropped ones, up to 1.90', () => {
    const found = estimate(traces, lateBy(new DecisionCache(100_000), (index) => n(index) > 0n || index > traces.length / 2));
    console.log('control: kept for longer', found);
    expect(found.ratio).toBeCloseTo(1 + (1 - p) / 2, 1);
    expect(found.z).toBeGreaterThan(20);
  });
});
