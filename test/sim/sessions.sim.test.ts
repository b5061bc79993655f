import { describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import { openPolicies } from '../../src/policies.ts';
import { openFlow } from '../sql/store/support.ts';
import { randomTrace, shareOf } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { sentSpans } from '../support/partial-marks.ts';
import { type SpanSpec, spanMessages } from '../unit/pipeline/synthetic.ts';

/**
 * Scenario: windows by arrival of 100 traces, most of which end within their window, some of which grow for up to a minute with pauses, a few of which outgrow any limit; sampled by a
 * reservoir in two groups and a rule on how many spans they have.
 * Guarantees (sampling.md, rules 17 to 19): a trace that ends before the maximum is decided on all its spans; none is torn, none leaves with two thresholds, R >= T, and the estimates are
 * unbiased.
 * Control: without sessions most of the growing traces are decided on a part of their spans. (That traces keep their decision and stay candidates, and what comes of it where they do not: the
 * model of early-decisions.sim.test.ts.)
 */
const seed = Number(process.env['SEED'] ?? 20_261_123);
const slotCount = 16;
const tracesOfSlot = 100;
const [gapMs, maxMs] = [8_000, 90_000];

interface Arrival extends SpanSpec {
  readonly atMs: number;
}

interface Trace {
  readonly trace: string;
  readonly kind: 'short' | 'growing' | 'endless';
  readonly spans: readonly Arrival[];
}

function traceOf(chance: () => number, slot: number): Trace {
  const trace = randomTrace(chance);
  const firstMs = slot * 10_000 + chance() * 9_900;
  const draw = chance();
  const kind = draw < 0.8 ? 'short' : draw < 0.97 ? 'growing' : 'endless';
  const pauseMs = kind === 'short' ? 500 : 5_000;
  const count = kind === 'short' ? 1 + Math.floor(chance() * 4) : kind === 'growing' ? 6 + Math.floor(chance() * 8) : 32;
  const group = Math.floor(chance() * 2);
  let atMs = firstMs - pauseMs;
  const spans = Array.from({ length: count }, (_, i): Arrival => ({ trace, name: i === 0 ? `root ${group}` : 'child', isChild: i > 0, startMs: 1.7e12 + firstMs, atMs: (atMs += pauseMs * (i === 0 ? 1 : 0.6 + 0.4 * chance())) }));
  return { trace, kind, spans };
}

interface Ran {
  readonly traces: readonly Trace[];
  readonly sent: ReadonlyMap<string, readonly ReturnType<typeof sentSpans>[number][]>;
  readonly deviations: readonly number[];
  readonly quiet: number;
  readonly cut: number;
  /** Spans that came after the decision on their trace. */
  readonly late: number;
}

async function run(hasSessions: boolean): Promise<Ran> {
  const chance = mulberry(seed);
  const slots = Array.from({ length: slotCount }, (_, slot) => Array.from({ length: tracesOfSlot }, () => traceOf(chance, slot)));
  const traces = slots.flat();
  const steps = [...Map.groupBy(traces.flatMap(({ spans }) => spans), ({ atMs }) => Math.floor(atMs / 1000))].sort(([a], [b]) => a - b);
  const messages = spanMessages(steps.map(([, spans]) => spans));
  let nowMs = 0;
  const seam = { ...realSeam({ hashKey: new Uint8Array(16) }), nowUnixNano: () => BigInt(1_700_000_000_000 + nowMs) * 1_000_000n, monotonicMs: () => nowMs };
  const text = 'SELECT unnest(bottom_k(item, 12), recursive := true) FROM traces GROUP BY root_name UNION ALL SELECT trace_id, 0.4 AS probability FROM traces WHERE span_count > 5';
  const sessions = hasSessions ? { gapMs, waitMs: 10_000 } : null;
  const flow = await openFlow({
    seam, time: 'arrival', ...(await openPolicies([{ name: 'p', text }])), horizonMs: 600_000,
    windows: { tracesLengthMs: 10_000, tracesWaitMs: hasSessions ? maxMs : 10_000, logsLengthMs: 10_000, early: { waitAfterRootMs: null, limits: null, sessions } },
  });
  const stream = flow.processor.intake.open('traces');
  for (const [index, [step]] of steps.entries()) {
    nowMs = (step + 1) * 1000 - 1;
    expect((await stream.accept({ bytes: messages[index], compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.advance(seam.nowUnixNano());
  }
  nowMs += 200_000;
  await flow.processor.advance(seam.nowUnixNano());
  const sent = Map.groupBy(sentSpans(flow.sink.messages('traces')), ({ trace }) => trace);
  const tally = flow.tally.bySignal.traces;
  flow.processor.close();
  expect(flow.tally.firstError).toBeNull();
  expect(tally.decided + tally.lateDropped + tally.lateKept).toBe(traces.reduce((sum, { spans }) => sum + spans.length, 0));
  return {
    traces, sent, quiet: tally.earlyTraces, cut: flow.tally.sessionsCutTraces, late: tally.lateKept + tally.lateDropped,
    deviations: slots.map((of) => of.reduce((sum, { trace }) => sum + (sent.get(trace)?.[0].count ?? 0) - 1, 0)),
  };
}

function zOf(deviations: readonly number[]): number {
  const mean = deviations.reduce((a, b) => a + b, 0) / deviations.length;
  return mean / Math.sqrt(deviations.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (deviations.length - 1) / deviations.length);
}

function torn({ traces, sent }: Ran): string[] {
  return traces.flatMap(({ trace, spans }) => {
    const items = sent.get(trace) ?? [];
    return [
      ...(items.length !== 0 && items.length !== spans.length ? [`${trace}: ${items.length} of ${spans.length}`] : []),
      ...(new Set(items.map(({ threshold }) => threshold)).size > 1 ? [`${trace}: two thresholds`] : []),
      ...items.flatMap(({ count, partial }) => (shareOf(trace) > 1 / count || partial !== null ? [`${trace}: ${count} ${partial}`] : [])),
    ];
  });
}

describe('traces that are waited for while they grow', () => {
  test(`are decided on all their spans, unless they never end (seed ${seed})`, { timeout: 60_000 }, async () => {
    const ran = await run(true);
    expect(torn(ran)).toEqual([]);
    const endless = ran.traces.filter(({ kind }) => kind === 'endless').length;
    console.log(`${ran.quiet} of ${ran.traces.length} decided as they had ended, ${ran.cut} cut, ${endless} endless; spans after their decision ${ran.late}; z ${zOf(ran.deviations).toFixed(2)}`);
    expect(ran.quiet).toBeGreaterThan(ran.traces.length * 0.8);
    expect(ran.late).toBeLessThan(endless * 12);
    expect(ran.cut).toBeGreaterThan(endless / 2);
    expect(Math.abs(zOf(ran.deviations))).toBeLessThan(4);
  });

  test('control: without sessions they are decided on a part', { timeout: 60_000 }, async () => {
    const ran = await run(false);
    expect(torn(ran)).toEqual([]);
    console.log(`control: spans after their decision ${ran.late}`);
    expect(ran.late).toBeGreaterThan(800);
  });
});
