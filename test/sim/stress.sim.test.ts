import { describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import { TallyObserver } from '../../src/pipeline/tally.ts';
import { openPolicies } from '../../src/policies.ts';
import { openFlow } from '../sql/store/support.ts';
import { type GivenSpan, itemsSeen, randomTrace, recordsMessages, type SeenItem, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: 90 seconds by arrival with windows of 5 s and a wait of 10 s. Each trace has 2 to 6 spans over up to 40 s, so that some come to open windows, some
 * while they wait and some late; loads rise and fall tenfold, and the limit of what is taken in with them, from second to second.
 * Guarantees (sampling.md, rule 19): of each trace all spans leave or none; with one threshold, which its R reaches; the estimate of spans is unbiased over
 * all and for each stretch of time; whatever policies say, and where they fail.
 * Controls: the threshold in force when each span came (two thresholds, torn traces); the one in force at close alone (biased).
 */

const seconds = 90;
/** Probability in force in each second, and traces that begin in it. */
const stretches = [[1, 40], [0.5, 400], [0.1, 400], [0.05, 400], [0.2, 40], [0.6, 40], [1, 40], [0.02, 400], [0.3, 40]] as const;
const stretchOf = (second: number): number => Math.min(Math.floor((second + 2) / (seconds / stretches.length)), stretches.length - 1);
const limitAt = (second: number): number => stretches[stretchOf(second)][0];
const nOf = (p: number): bigint => BigInt(Math.round(p * 2 ** 56));

interface Trace {
  readonly trace: string;
  /** The seconds in which its spans come, ascending. */
  readonly at: readonly number[];
  /** Came with ot=th:8. */
  readonly isSampled: boolean;
}

function tracesOf(seed: number): Trace[] {
  const chance = mulberry(seed);
  return Array.from({ length: seconds }, (_, second) => Array.from({ length: stretches[stretchOf(second)][1] }, (): Trace => {
    const trace = randomTrace(chance);
    const long = chance() < 0.3 ? 40 : 6;
    const at = [second, ...Array.from({ length: 1 + Math.floor(chance() * 5) }, () => second + Math.floor(chance() * long))].sort((a, b) => a - b);
    return { trace, at, isSampled: chance() < 0.2 };
  })).flat();
}

const isHere = ({ trace, isSampled }: Trace): boolean => !isSampled || shareOf(trace) <= 0.5;

function spansAt(traces: readonly Trace[]): GivenSpan[][] {
  const bySecond: GivenSpan[][] = Array.from({ length: seconds + 40 }, () => []);
  for (const each of traces) {
    if (!isHere(each)) continue;
    for (const second of each.at) bySecond[second].push({ trace: each.trace, startMs: 1e9 + second * 1000, ...(each.isSampled ? { traceState: 'ot=th:8' } : {}) });
  }
  return bySecond;
}

class Shedding extends TallyObserver {
  shed = 0;
  shedAtClose = 0;

  override accepted(...args: Parameters<TallyObserver['accepted']>): void {
    super.accepted(...args);
    this.shed += args[1].taken?.shed ?? 0;
  }

  override decided(...args: Parameters<TallyObserver['decided']>): void {
    super.decided(...args);
    this.shedAtClose += args[1].shedRows ?? 0;
  }
}

async function run(signal: 'traces' | 'logs', messages: readonly Uint8Array[], text: string): Promise<{ readonly items: SeenItem[]; readonly tally: Shedding }> {
  let nowMs = 1_700_000_000_000;
  const seam = { ...realSeam({ hashKey: new Uint8Array(16).fill(5), firstBatchOrdinal: 0 }), nowUnixNano: () => BigInt(nowMs) * 1_000_000n };
  const tally = new Shedding();
  const flow = await openFlow({
    ...(await openPolicies([{ name: 'p', text }])), seam, time: 'arrival', observer: tally, fallback: { n: nOf(0.5) },
    windows: { tracesLengthMs: 5000, tracesWaitMs: 10_000, logsLengthMs: 5000 }, decisionsMax: 1_000_000, hasPolicyAttribute: true,
  });
  try {
    const stream = flow.processor.intake.open(signal);
    for (const [second, bytes] of messages.entries()) {
      flow.processor.limitInput(nOf(limitAt(second)));
      expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
      nowMs += 1000;
      await flow.processor.advance(seam.nowUnixNano());
    }
    await flow.processor.drain();
    return { items: itemsSeen(signal, flow.sink.messages(signal)), tally };
  } finally {
    flow.processor.close();
  }
}

interface Found {
  readonly z: number;
  readonly ratio: number;
  readonly torn: number;
  readonly twoThresholds: number;
  readonly below: number;
}

/** Estimate of spans over those traces, by trace, and what is wrong with them. */
function judged(traces: readonly Trace[], items: ReadonlyMap<string, readonly SeenItem[]>): Found {
  let [truth, sum, squares, torn, twoThresholds, below] = [0, 0, 0, 0, 0, 0];
  for (const { trace, at } of traces) {
    const own = items.get(trace) ?? [];
    const off = own.reduce((total, { count }) => total + count, 0) - at.length;
    truth += at.length;
    sum += off;
    squares += off * off;
    if (own.length > 0 && own.length !== at.length) torn++;
    if (new Set(own.map(({ threshold }) => threshold)).size > 1) twoThresholds++;
    if (own.some(({ count, threshold }) => threshold === null || shareOf(trace) > (1 / count) * (1 + 1e-12))) below++;
  }
  return { z: squares === 0 ? 0 : sum / Math.sqrt(squares), ratio: 1 + sum / truth, torn, twoThresholds, below };
}

const policies: readonly (readonly [what: string, text: string])[] = [
  ['all', 'SELECT trace_id, 1.0 AS probability FROM traces'],
  ['a third, by what the trace is', 'SELECT trace_id, CASE WHEN span_count > 3 THEN 0.8 ELSE 0.1 END AS probability FROM traces'],
  ['bottom_k', 'SELECT unnest(bottom_k(item, 50), recursive := true) FROM traces'],
  ['spans, weighted', 'SELECT unnest(weighted_reservoir_sample(item, adjusted_count * span_count, 50), recursive := true) FROM traces'],
  ['the fallback', 'SELECT trace_id, 2.0 AS probability FROM traces'],
];

describe('traces under stress', () => {
  const traces = tracesOf(41);
  const messages = spansMessages(spansAt(traces).map((spans) => (spans.length > 0 ? spans : [{ trace: 'f'.repeat(32), startMs: 1e9 }])));

  test.each(policies)('%s', async (what, text) => {
    const { items, tally } = await run('traces', messages, text);
    expect(tally.firstError === null, String(tally.firstError)).toBe(what !== 'the fallback');
    const byTrace = Map.groupBy(items, ({ trace }) => trace);
    const all = judged(traces, byTrace);
    console.log(what, all, 'shed', tally.shed, 'at close', tally.shedAtClose, 'out', items.length);
    expect([tally.shed > 1000, tally.shedAtClose > 100]).toEqual([true, true]);
    expect(items.length).toBeGreaterThan(200);
    expect([all.torn, all.twoThresholds, all.below]).toEqual([0, 0, 0]);
    for (let stretch = 0; stretch < stretches.length; stretch++) {
      const { z, ratio } = judged(traces.filter(({ at }) => stretchOf(at[0]) === stretch), byTrace);
      expect(Math.abs(z), `stretch ${stretch}: ${ratio.toFixed(3)}`).toBeLessThan(4);
    }
    expect(Math.abs(all.z), all.ratio.toFixed(3)).toBeLessThan(4);
  });

  /** What would leave if each span were kept at `pOf` its second, or that of its trace's close. */
  const leaving = (pOf: (second: number, trace: Trace) => { readonly isKept: boolean; readonly p: number }): Map<string, SeenItem[]> => new Map(traces.map((each) => [
    each.trace, each.at.flatMap((second): SeenItem[] => {
      const { isKept, p } = pOf(second, each);
      const pOut = Math.min(p, each.isSampled ? 0.5 : 1);
      return isHere(each) && isKept ? [{ key: '', trace: each.trace, count: 1 / pOut, isUnknown: false, threshold: String(pOut) }] : [];
    }),
  ]));

  test('control: the threshold in force when each span came', () => {
    const found = judged(traces, leaving((second, { trace }) => ({ isKept: shareOf(trace) <= limitAt(second), p: limitAt(second) })));
    console.log('control: at arrival', found);
    expect(found.torn).toBeGreaterThan(100);
    expect(found.twoThresholds).toBeGreaterThan(100);
  });

  test('control: the threshold in force at close alone', () => {
    const atClose = ({ at }: Trace): number => limitAt(Math.floor(at[0] / 5) * 5 + 15);
    const found = judged(traces, leaving((_, each) => ({ isKept: shareOf(each.trace) <= Math.min(limitAt(each.at[0]), atClose(each)), p: atClose(each) })));
    console.log('control: at close', found);
    expect(Math.abs(found.z)).toBeGreaterThan(10);
  });
});

describe('log records under stress', () => {
  const chance = mulberry(43);
  const records = Array.from({ length: seconds }, (_, second) => Array.from({ length: 60 }, () => {
    const trace = chance() < 0.5 ? randomTrace(chance) : null;
    return Array.from({ length: trace === null ? 1 : 4 }, () => ({ trace, timeMs: 1e9 + second * 1000 }));
  }).flat());

  test.each([
    ['all', 'SELECT id, 1.0 AS probability FROM logs'],
    ['bottom_k', 'SELECT unnest(bottom_k(item, 40), recursive := true) FROM logs'],
    ['units larger than the sample', 'SELECT unnest(bottom_k(item, 2), recursive := true) FROM logs GROUP BY trace_id'],
    ['the fallback', 'SELECT id, 2.0 AS probability FROM logs'],
  ])('%s', async (what, text) => {
    const { items, tally } = await run('logs', recordsMessages(records), text);
    expect(tally.firstError === null, String(tally.firstError)).toBe(what !== 'the fallback');
    const truth = records.flat().length;
    const estimate = items.reduce((sum, { count }) => sum + count, 0);
    const byUnit = Map.groupBy(items, ({ trace, key }) => (trace === '' || /^0*$/.test(trace) ? key : trace));
    const variance = [...byUnit.values()].reduce((sum, unit) => {
      const total = unit.reduce((all, { count }) => all + count, 0);
      const p = Math.min(...unit.map(({ count }) => 1 / count));
      return sum + total * total * (1 - p);
    }, 0);
    const z = (estimate - truth) / Math.sqrt(variance);
    console.log(what, { truth, estimate, z, out: items.length, shed: tally.shed, atClose: tally.shedAtClose });
    expect(tally.shed).toBeGreaterThan(1000);
    expect(Math.abs(z)).toBeLessThan(4);
  });
});
