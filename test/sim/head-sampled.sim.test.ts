import { describe, expect, test } from 'vitest';
import type { RootSays, StableRate } from '../../src/pipeline/root-inputs.ts';
import { openPolicies } from '../../src/policies.ts';
import { openFlow } from '../sql/store/support.ts';
import { type GivenSpan, itemsSeen, randomTrace, recordsMessages, type SeenItem, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: SDKs with a remote sampler that writes no threshold, but its rate on the root alone, sample traces of three spans at the head, as opentelemetry-go's ratio sampler
 * does (the trace id's last 8 bytes below a bound); the root comes last, in a batch of its own. Some roots say a rate limit, some do not come. The receiver has
 * `input_without_threshold: unknown`, the windows `unknown_input: root`.
 * Guarantees (sampling.md, rules 3 and 23): what is kept estimates all spans of these traces without bias, at a fixed probability, in samples, and by a second tier; spans
 * of one trace have one count, and leave with the randomness they were decided on and no threshold; the others leave as unknown.
 * Controls: taken as unsampled the same input is off by the head's rate; with the counts right and the trace's own randomness, by even more.
 */
const rates = [1 / 4, 1 / 512];
const perRate = 3000;
const tail = 1 / 1024;

interface Head {
  readonly trace: string;
  readonly rate: number;
  readonly attributes: { readonly [key: string]: string | number };
  readonly hasRoot: boolean;
}

/** Traces that opentelemetry-go's TraceIDRatioBased lets through. */
function sampledAtHead(chance: () => number, rate: number, count: number): string[] {
  const traces: string[] = [];
  while (traces.length < count) {
    const trace = randomTrace(chance);
    if (Number.parseInt(trace.slice(16, 24), 16) / 2 ** 32 < rate) traces.push(trace);
  }
  return traces;
}

const chance = mulberry(717);
const known: Head[] = rates.flatMap((rate, i) => {
  const prefix = i === 0 ? 'jaeger.sampler' : 'sampler';
  return sampledAtHead(chance, rate, perRate).map((trace) => ({ trace, rate, attributes: { [`${prefix}.type`]: 'probabilistic', [`${prefix}.param`]: rate }, hasRoot: true }));
});
const silent: Head[] = [
  ...sampledAtHead(chance, 1 / 4, 200).map((trace) => ({ trace, rate: 1 / 4, attributes: { 'sampler.type': 'ratelimiting', 'sampler.param': 2 }, hasRoot: true })),
  ...sampledAtHead(chance, 1 / 4, 200).map((trace) => ({ trace, rate: 1 / 4, attributes: {}, hasRoot: false })),
  ...[0, 1.5, 'much'].map((param) => ({ trace: randomTrace(chance), rate: 1, attributes: { 'sampler.type': 'probabilistic', 'sampler.param': param }, hasRoot: true })),
];

function messages(heads: readonly Head[]): Uint8Array[] {
  const startOf = (i: number): number => 1e9 + i / 10;
  const children = heads.flatMap(({ trace }, i): GivenSpan[] => [1, 2].map((child) => ({ trace, parent: 'ab'.repeat(8), name: `child ${child}`, startMs: startOf(i) + child / 100 })));
  const roots = heads.flatMap(({ trace, attributes, hasRoot }, i): GivenSpan[] => (hasRoot ? [{ trace, startMs: startOf(i), attributes }] : []));
  return spansMessages([children.slice(0, 8000), children.slice(8000), roots].filter((list) => list.length > 0));
}

interface Run {
  readonly items: readonly SeenItem[];
  readonly sent: readonly Uint8Array[];
}

async function run(given: readonly Uint8Array[], sql: string, { withoutThreshold = 'unknown', rootSays = { served: null } }: { readonly withoutThreshold?: 'unknown' | 'unsampled'; readonly rootSays?: RootSays | null } = {}): Promise<Run> {
  const flow = await openFlow({ ...(await openPolicies([{ name: 'p', text: sql }])), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000, rootSays } });
  try {
    const stream = flow.processor.intake.open('traces', { withoutThreshold });
    for (const bytes of given) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    const sent = flow.sink.messages('traces');
    return { items: itemsSeen('traces', sent, 'unknown'), sent };
  } finally {
    flow.processor.close();
  }
}

/** Estimated over true number of spans, and how far off in standard errors, a trace being the unit. */
function judge(items: readonly SeenItem[]): { readonly ratio: number; readonly z: number } {
  const truth = 3 * rates.reduce((sum, rate) => sum + perRate / rate, 0);
  const byTrace = Map.groupBy(items, ({ trace }) => trace);
  const sum = items.reduce((total, { count }) => total + count, 0);
  // Given what came, with its counts w, a trace is kept with w / count.
  const variance = [...byTrace].reduce((total, [trace, spans]) => {
    const w = 1 / (rateOf.get(trace) ?? 1);
    return total + (3 * w) ** 2 * (spans[0].count / w) * (spans[0].count / w - 1);
  }, 0);
  return { ratio: sum / truth, z: (sum - truth) / Math.sqrt(Math.max(variance, 1)) };
}

const rateOf = new Map(known.map(({ trace, rate }) => [trace, rate]));
const ofKnown = ({ items }: Run): SeenItem[] => items.filter(({ trace }) => rateOf.has(trace));
const all = messages([...known, ...silent]);

describe('spans that were sampled by a head that says so on the root alone', () => {
  test('are all estimated by the root\'s word, those without it leave as unknown', async () => {
    const everything = await run(all, 'SELECT trace_id, 1.0 AS probability FROM traces');
    expect(ofKnown(everything).every(({ trace, count, threshold, isUnknown }) => count === 1 / (rateOf.get(trace) ?? 0) && threshold === null && !isUnknown)).toBe(true);
    expect(ofKnown(everything)).toHaveLength(3 * known.length);
    const others = everything.items.filter(({ trace }) => !rateOf.has(trace));
    expect(others).toHaveLength(3 * 403 - 200);
    expect(others.every(({ isUnknown, threshold }) => isUnknown && threshold === null)).toBe(true);
    expect(judge(ofKnown(everything)).ratio).toBeCloseTo(1, 12);
  });

  test.each([
    ['a fixed probability', `SELECT trace_id, ${tail}::DOUBLE AS probability FROM traces`],
    ['a share', 'SELECT trace_id, proportional(0.3) AS probability FROM traces'],
    ['a sample by count', 'SELECT unnest(bottom_k(item, 1500), recursive := true) FROM traces'],
    ['a sample weighted by counts', 'SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 1500), recursive := true) FROM traces'],
  ])('%s keeps whole traces, without bias', async (_, sql) => {
    const kept = ofKnown(await run(messages(known), sql));
    const judged = judge(kept);
    console.log(judged, kept.length);
    expect(kept.length).toBeGreaterThan(300);
    expect([...Map.groupBy(kept, ({ trace }) => trace).values()].every((spans) => spans.length === 3 && new Set(spans.map(({ count }) => count)).size === 1)).toBe(true);
    expect(kept.every(({ threshold }) => threshold === null)).toBe(true);
    expect(Math.abs(judged.z), `${judged.ratio}`).toBeLessThan(4);
  });

  test('a second tier takes the count and the randomness that the first wrote', async () => {
    const first = await run(messages(known), `SELECT trace_id, ${tail}::DOUBLE AS probability FROM traces`);
    const sql = `SELECT trace_id, ${tail / 2}::DOUBLE AS probability FROM traces`;
    const second = await run(first.sent, sql);
    const alone = await run(messages(known), sql);
    const keys = ({ items }: Run): string[] => items.map(({ trace, count }) => `${trace} ${count}`).sort();
    expect(keys(second)).toEqual(keys(alone));
    expect(Math.abs(judge(second.items).z)).toBeLessThan(4);
  });

  test('policies see the root\'s word as the input\'s count', async () => {
    const kept = await run(all, 'SELECT trace_id, 1.0 AS probability FROM traces WHERE adjusted_count = 512');
    expect(new Set(kept.items.map(({ trace }) => trace))).toEqual(new Set(known.filter(({ rate }) => rate === 1 / 512).map(({ trace }) => trace)));
  });

  /** A service that is told rates: `own` is what service `test` was told, `otherwise` what the rest is. */
  const served = (own: StableRate | null | undefined, otherwise: StableRate): RootSays => (
    { served: { stable: () => ({ otherwise, services: own === undefined ? [{ service: 'other', rate: null }] : [{ service: 'test', rate: own }, { service: 'other', rate: null }] }) } });
  const plain: Head[] = sampledAtHead(chance, 1 / 4, 400).map((trace) => ({ trace, rate: 1 / 4, attributes: {}, hasRoot: true }));
  const changedMs = 1e9 + 20;
  const since = { rate: 1 / 4, sinceNano: BigInt(changedMs) * 1_000_000n };
  const always = { rate: 1 / 2, sinceNano: 0n };

  test.each<readonly [string, RootSays, number, number]>([
    ['to a service, known from when it was sure on', served(since, always), 200, 4], ['to a service of operations, unknown', served(null, always), 0, 4],
    ['to services of which nothing came', served(undefined, always), 400, 2], ['to nobody yet', served(undefined, { rate: 1, sinceNano: 2n ** 62n }), 0, 1],
  ])('a rate that was served %s', async (_, rootSays, traces, count) => {
    const { items } = await run(messages([...plain, ...silent.slice(0, 200)]), 'SELECT trace_id, 1.0 AS probability FROM traces', { rootSays });
    const counted = items.filter(({ isUnknown }) => !isUnknown);
    expect(items).toHaveLength(3 * 600);
    expect(counted.length).toBe(3 * traces);
    expect(counted.every((item) => item.count === count)).toBe(true);
    const from = plain.slice(plain.length - traces).map(({ trace }) => trace);
    expect(new Set(counted.map(({ trace }) => trace))).toEqual(new Set(from));
  });

  test('a root that says 1 makes its trace what is unsampled: its own randomness, and a threshold', async () => {
    const whole: Head[] = Array.from({ length: 500 }, (_, i) => (
      { trace: randomTrace(chance), rate: 1, attributes: i % 2 === 0 ? { 'sampler.type': 'const', 'sampler.param': 'true' } : { 'sampler.type': 'probabilistic', 'sampler.param': 1 }, hasRoot: true }));
    const { items } = await run(messages(whole), 'SELECT trace_id, 0.25 AS probability FROM traces');
    expect(new Set(items.map(({ trace }) => trace))).toEqual(new Set(whole.map(({ trace }) => trace).filter((trace) => shareOf(trace) <= 0.25)));
    expect(items.every(({ count, threshold }) => count === 4 && threshold === 'c')).toBe(true);
  });

  test('what a root says goes before what was served', async () => {
    const { items } = await run(messages(known.slice(0, 50)), 'SELECT trace_id, 1.0 AS probability FROM traces', { rootSays: served(always, always) });
    expect(items.every(({ count }) => count === 4)).toBe(true);
  });

  test('log records that are kept with such traces stand for those of all traces, sampled at the head or not', async () => {
    const begun = Array.from({ length: 16_000 }, () => randomTrace(chance));
    const sampled = begun.filter((trace) => Number.parseInt(trace.slice(16, 24), 16) / 2 ** 32 < 1 / 4);
    const policies = await openPolicies([
      { name: 'traces', text: 'SELECT trace_id, 0.1 AS probability FROM traces' }, { name: 'logs', text: 'SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)' }]);
    const flow = await openFlow({ ...policies, windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000, rootSays: { served: null } } });
    const [spans, records] = [flow.processor.intake.open('traces', { withoutThreshold: 'unknown' }), flow.processor.intake.open('logs')];
    const given = sampled.map((trace): GivenSpan => ({ trace, startMs: 1e9, attributes: { 'sampler.type': 'probabilistic', 'sampler.param': 1 / 4 } }));
    for (const bytes of spansMessages([given])) expect((await spans.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    for (const bytes of recordsMessages([begun.slice(0, 8000), begun.slice(8000)].map((part) => part.map((trace) => ({ trace, timeMs: 1e9 }))))) {
      expect((await records.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    }
    await flow.processor.drain();
    const items = itemsSeen('logs', flow.sink.messages('logs'));
    expect(new Set(items.map(({ trace }) => trace))).toEqual(new Set(itemsSeen('traces', flow.sink.messages('traces'), 'unknown').map(({ trace }) => trace)));
    flow.processor.close();
    expect(new Set(items.map(({ count, threshold }) => `${count} ${threshold}`))).toEqual(new Set(['10 null']));
    // Binomial(16,000, 1/10): 1,600 with a standard deviation of 38.
    expect(Math.abs(items.length - 1600)).toBeLessThan(4 * 38);
  });

  test('control: taken as unsampled they are counted by the tail alone', async () => {
    const kept = await run(messages(known), 'SELECT trace_id, 0.5 AS probability FROM traces', { withoutThreshold: 'unsampled' });
    expect(judge(ofKnown(kept)).ratio).toBeLessThan(0.02);
  });

  test('control: with the trace\'s own randomness none of the rarest would ever be kept', () => {
    const kept = known.filter(({ trace, rate }) => rate === 1 / 512 && shareOf(trace) <= tail);
    expect(kept).toEqual([]);
  });

  test('control: without the option nothing is known', async () => {
    const kept = await run(messages(known), 'SELECT trace_id, 1.0 AS probability FROM traces', { rootSays: null });
    expect(kept.items.every(({ isUnknown }) => isUnknown)).toBe(true);
  });
});
