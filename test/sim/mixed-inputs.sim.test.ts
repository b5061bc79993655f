import { describe, expect, test } from 'vitest';
import { TallyObserver } from '../../src/pipeline/tally.ts';
import { openPolicies } from '../../src/policies.ts';
import { openFlow } from '../sql/store/support.ts';
import { type GivenSpan, itemsSeen, randomTrace, type SeenItem, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: 20,000 traces of each of several kinds, through the whole pipeline. All have a span of service A; of a quarter a span of B was slow, and B
 * samples harder than A. The policy keeps slow traces whole and a fifth of the others.
 * Guarantees (sampling.md, rule 11): traces are decided on their most-sampled spans alone, so that both spans are estimated without bias, whichever view the
 * policy reads; such traces are counted.
 * Control: deciding on the less-sampled spans too, 0.81 for A.
 */

const tracesOfKind = 20_000;
const slowShare = 0.25;

interface Kind {
  /** p that A's and B's spans came with, by threshold. */
  readonly a: number;
  readonly b: number;
}

const thresholdOf: { readonly [p: number]: string } = { 0.5: 'ot=th:8', 0.25: 'ot=th:c', 0.0625: 'ot=th:f' };
const kinds: { readonly [name: string]: Kind } = {
  'B at a quarter': { a: 1, b: 0.25 },
  'A at a half, B at a quarter': { a: 0.5, b: 0.25 },
  'B at a sixteenth': { a: 1, b: 0.0625 },
  'alike, B at a half too': { a: 0.5, b: 0.5 },
};

interface World {
  readonly spans: GivenSpan[];
  /** What there was before anybody sampled, by trace. */
  readonly of: Map<string, { readonly kind: string; readonly isSlow: boolean }>;
  /** Traces whose spans came with different p_in. */
  readonly mixed: number;
}

function world(seed: number): World {
  const chance = mulberry(seed);
  const made = { spans: new Array<GivenSpan>(), of: new Map<string, { kind: string; isSlow: boolean }>(), mixed: 0 };
  for (const [kind, { a, b }] of Object.entries(kinds)) {
    for (let i = 0; i < tracesOfKind; i++) {
      const trace = randomTrace(chance);
      const isSlow = chance() < slowShare;
      made.of.set(trace, { kind, isSlow });
      const span = (name: string, p: number): GivenSpan => ({ trace, name, startMs: 1e9 + i / 10, ...(p === 1 ? {} : { traceState: thresholdOf[p] }) });
      const isHere = (p: number): boolean => shareOf(trace) <= p;
      if (isHere(a)) made.spans.push(span('a', a));
      if (isSlow && isHere(b)) made.spans.push({ ...span('slow', b), attributes: { slow: 'yes' }, links: ['ab'.repeat(16)] });
      if (a !== b && isSlow && isHere(Math.min(a, b))) made.mixed++;
    }
  }
  return made;
}

const policies: readonly (readonly [view: string, ...texts: string[]])[] = [
  ['traces', 'SELECT trace_id, CASE WHEN span_count > 1 THEN 1.0 ELSE 0.2 END AS probability FROM traces'],
  ['spans', "SELECT trace_id, CASE WHEN bool_or(name = 'slow') THEN 1.0 ELSE 0.2 END AS probability FROM spans GROUP BY trace_id"],
  ['spans by id', "SELECT id, CASE WHEN name = 'slow' THEN 1.0 ELSE 0.2 END AS probability FROM spans"],
  ['span_attrs', 'SELECT trace_id, 0.2 AS probability FROM traces', "SELECT parent_id, 1.0 AS probability FROM span_attrs WHERE key = 'slow' AND str = 'yes'"],
  ['span_links', 'SELECT trace_id, 0.2 AS probability FROM traces', 'SELECT trace_id, 1.0 AS probability FROM span_links'],
];

/** Adds up the traces that windows found to be mixed. */
class Counting extends TallyObserver {
  mixed = 0;

  override decided(...args: Parameters<TallyObserver['decided']>): void {
    super.decided(...args);
    this.mixed += args[1].mixedTraces ?? 0;
  }
}

async function run(given: World, texts: readonly string[]): Promise<SeenItem[]> {
  const observer = new Counting();
  const compiled = await openPolicies(texts.map((text, index) => ({ name: `p${index}`, text })));
  const flow = await openFlow({ ...compiled, observer, windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 } });
  try {
    const stream = flow.processor.intake.open('traces');
    const lists = Array.from({ length: Math.ceil(given.spans.length / 8000) }, (_, i) => given.spans.slice(i * 8000, (i + 1) * 8000));
    for (const bytes of spansMessages(lists)) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.drain();
    expect([observer.firstError, observer.mixed]).toEqual([null, given.mixed]);
    return itemsSeen('traces', flow.sink.messages('traces'));
  } finally {
    flow.processor.close();
  }
}

interface Estimate {
  readonly what: string;
  readonly ratio: number;
  readonly z: number;
}

/** Estimate over truth, for all spans of a kind; z from the spread between traces. Counts of spans that came with one p differ, so by trace. */
function estimates(given: World, kept: readonly SeenItem[]): Estimate[] {
  const byTrace = Map.groupBy(kept, ({ trace }) => trace);
  return Object.keys(kinds).map((kind) => {
    let [sum, squares, truth] = [0, 0, 0];
    for (const [trace, of] of given.of) {
      if (of.kind !== kind) continue;
      const spans = of.isSlow ? 2 : 1;
      const off = (byTrace.get(trace) ?? []).reduce((total, { count }) => total + count, 0) - spans;
      truth += spans;
      sum += off;
      squares += off * off;
    }
    return { what: kind, ratio: 1 + sum / truth, z: sum / Math.sqrt(squares) };
  });
}

describe('traces whose spans came with different probabilities', () => {
  const given = world(17);
  test.each(policies)('%s', async (view, ...texts) => {
    const found = estimates(given, await run(given, texts));
    console.log(view, found.map(({ what, ratio, z }) => `${what} ${ratio.toFixed(3)} z ${z.toFixed(1)}`).join('; '));
    for (const { what, ratio, z } of found) expect(Math.abs(z), `${what}: ${ratio.toFixed(3)}`).toBeLessThan(4);
  });

  test('control: decided on less-sampled spans too, 0.81 for A', () => {
    const slow = new Set(given.spans.filter(({ name }) => name === 'slow').map(({ trace }) => trace));
    const kept = given.spans.flatMap(({ trace, name }): SeenItem[] => {
      const kind = kinds[given.of.get(trace)?.kind ?? ''];
      const p = slow.has(trace) ? 1 : 0.2;
      const pOut = Math.min(p, name === 'a' ? kind.a : kind.b);
      return shareOf(trace) <= p ? [{ key: name ?? '', trace, count: 1 / pOut, isUnknown: false, threshold: null }] : [];
    });
    const found = estimates(given, kept);
    console.log('control', found.map(({ what, ratio, z }) => `${what} ${ratio.toFixed(3)} z ${z.toFixed(1)}`).join('; '));
    const isBiased = found.map(({ z }) => Math.abs(z) > 4);
    expect([isBiased[0], isBiased[1], isBiased[3]]).toEqual([true, true, false]);
    const ofA = new Set([...given.of].filter(([, { kind }]) => kind === 'B at a quarter').map(([trace]) => trace));
    const sumOfA = kept.filter(({ trace, key }) => ofA.has(trace) && key === 'a').reduce((sum, { count }) => sum + count, 0);
    expect(Math.abs(sumOfA / tracesOfKind - (1 - slowShare * 0.75))).toBeLessThan(0.05);
  });
});
