import { expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import type { PastHorizonBy } from '../../src/pipeline/lateness.ts';
import { OpenTraces } from '../../src/pipeline/open-traces.ts';
import { PartialTraces } from '../../src/pipeline/partial-traces.ts';
import { PastHorizonRows } from '../../src/pipeline/past-horizon.ts';
import { routeTraces } from '../../src/pipeline/trace-routes.ts';
import { DecisionCache } from '../../src/policy/decision-cache.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { MetricRegistry } from '../../src/telemetry/metrics.ts';
import { MetricsObserver } from '../../src/pipeline/metrics-observer.ts';
import { openPolicies } from '../../src/policies.ts';
import { KeyedHash } from '../../src/sampling/keyed-hash.ts';
import { readInputs } from '../../src/store/input-columns.ts';
import { openFlow } from '../sql/store/support.ts';
import { type GivenSpan, randomTrace, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { type SentSpan, sentSpans } from '../support/partial-marks.ts';
import { spanBatch } from '../unit/pipeline/synthetic.ts';

/**
 * Scenario: twelve windows of 400 traces by arrival, a tenth of which is kept, and a horizon of 60 s; then of each trace a late span that began with
 * it, and one that began just now. The policy keeps late spans for certain where it sees them as new ones.
 * Guarantees (sampling.md, rule 17): within the horizon both follow, kept or dropped; past it all goes by the age of the window alone, as configured,
 * counted, with its lateness; what comes later of the trace leaves with the same threshold. Estimates of what is not dropped are unbiased.
 * Control: where nothing is remembered of what went by the fallback, a later span of the trace waits for a window of its own.
 */
const seed = Number(process.env['SEED'] ?? 20_261_121);
const windowCount = 12;
const tracesOfWindow = 400;
const p = 0.1;
const fallback = 0.25;
const horizonMs = 60_000;
const startMs = 1.7e12;

interface Run {
  readonly traces: readonly string[][];
  readonly late: ReadonlyMap<string, SentSpan[]>;
  readonly registry: MetricRegistry;
}

async function runWith(by: PastHorizonBy): Promise<Run> {
  const chance = mulberry(seed);
  const traces = Array.from({ length: windowCount }, () => Array.from({ length: tracesOfWindow }, () => randomTrace(chance)));
  let nowMs = startMs;
  const seam = { ...realSeam({ hashKey: new Uint8Array(16) }), nowUnixNano: () => BigInt(nowMs) * 1_000_000n, monotonicMs: () => nowMs };
  const registry = new MetricRegistry();
  const observer = new MetricsObserver(registry, createLogger({ seam, level: 'error', format: 'json', write: () => undefined, linesMax: 10 }));
  const text = `SELECT trace_id, CASE WHEN root_name = 'failed' THEN 1.0 ELSE ${p} END AS probability FROM traces`;
  const flow = await openFlow({
    seam, time: 'arrival', ...(await openPolicies([{ name: 'p', text }])), observer, horizonMs, pastHorizon: { by, n: BigInt(fallback * 2 ** 56) },
    windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 },
  });
  const first = traces.map((its, window) => its.map((trace): GivenSpan => ({ trace, name: 'plain', startMs: startMs + window * 10_000 })));
  const old = traces.flatMap((its, window) => its.map((trace): GivenSpan => ({ trace, name: 'failed', startMs: startMs + window * 10_000 })));
  const recent = traces.flat().map((trace): GivenSpan => ({ trace, name: 'failed', startMs: startMs + windowCount * 10_000 }));
  const stream = flow.processor.intake.open('traces');
  let kept = 0;
  for (const [index, bytes] of spansMessages([...first, old, recent]).entries()) {
    nowMs = startMs + Math.min(index, windowCount) * 10_000;
    if (index === windowCount) {
      await flow.processor.advance(seam.nowUnixNano());
      kept = sentSpans(flow.sink.messages('traces')).length;
    }
    expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.advance(seam.nowUnixNano());
  }
  await flow.processor.drain();
  const late = Map.groupBy(sentSpans(flow.sink.messages('traces')).slice(kept), ({ trace }) => trace);
  flow.processor.close();
  return { traces, late, registry };
}

/** Windows whose decisions are older than the horizon when late spans come: decided at their ends, by steps of 100 ms. */
const pastWindows = windowCount - horizonMs / 10_000 - 1;

const thresholds = new Map([[1, '0'], [fallback, 'c'], [p, 'e6666666666666']]);

test.each(['policy', 'fallback', 'drop'] as const)('past_horizon: %s', async (by) => {
  const { traces, late, registry } = await runWith(by);
  for (const [window, its] of traces.entries()) {
    const isPast = window < pastWindows;
    const pOut = !isPast ? p : by === 'policy' ? 1 : by === 'fallback' ? fallback : 0;
    for (const trace of its) {
      const items = late.get(trace) ?? [];
      expect(items.length, `window ${window}: both or none`).toBe(shareOf(trace) <= pOut ? 2 : 0);
      for (const { count, threshold, partial } of items) expect([count, threshold, partial]).toEqual([1 / pOut, thresholds.get(pOut), isPast ? 'past_horizon' : null]);
    }
    if (pOut === 0) continue;
    const off = its.map((trace) => (late.get(trace)?.[0]?.count ?? 0) - 1);
    const z = off.reduce((sum, each) => sum + each, 0) / Math.sqrt(Math.max(1, off.reduce((sum, each) => sum + each * each, 0)));
    expect(Math.abs(z), `window ${window}`).toBeLessThan(4);
  }
  const inPast = pastWindows * tracesOfWindow;
  expect(registry.value(metrics.pastHorizonItems)).toBe(inPast);
  expect(registry.value(metrics.lateSeconds, { outcome: 'past_horizon' })).toBe(inPast);
  const followed = 2 * (windowCount - pastWindows) * tracesOfWindow + (by === 'policy' ? 0 : inPast);
  expect(registry.value(metrics.lateSeconds, { outcome: 'kept' }) + registry.value(metrics.lateSeconds, { outcome: 'dropped' })).toBe(followed);
});

test('control: what went by the fallback is not remembered, and a later span of the trace is open to another decision', () => {
  const routed = (forgets: boolean): (number | null)[] => {
    const memory = { open: new OpenTraces(), decided: new DecisionCache(10, 0, false, horizonMs), partial: new PartialTraces() };
    const route = (nowMs: number, beganMs: number): ReturnType<typeof routeTraces> => {
      memory.decided.advanceTo(nowMs);
      const batch = spanBatch([{ trace: 1, startMs: beganMs }]);
      const inputs = readInputs(batch, { batchOrdinal: 0, withoutThreshold: 'unsampled' }, new KeyedHash(new Uint8Array(16)));
      return routeTraces(inputs.traceIds ?? new Uint32Array(4), 1, memory, () => 7, new PastHorizonRows({ by: 'fallback', n: 2n ** 54n, reason: 0 }, memory, batch, inputs));
    };
    const first = route(startMs, startMs - horizonMs - 1);
    if (forgets) for (let i = 0; i < 2; i++) memory.decided.rotate();
    const then = route(startMs + 1000, startMs + 1000);
    return [first.past?.length ?? null, then.decided?.length ?? null, then.slots.length];
  };
  expect(routed(false)).toEqual([1, 1, 0]);
  expect(routed(true)).toEqual([1, null, 1]);
});
