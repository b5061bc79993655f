import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compile, openFlow } from '../sql/store/support.ts';
import { type GivenRecord, type GivenSpan, itemsSeen, randomTrace, recordsMessages, type SeenItem, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: records of 12,000 traces of each of five kinds, through the whole pipeline; every trace is a window's worth of chance of its own.
 * Guarantees (sampling.md, rule 9): what a policy takes of `kept_traces` estimates all records, whatever R the trace was decided on and however it or the
 * record came sampled, alone and in a union with a policy that does not look at traces.
 * Controls: records counted as one each; records judged on their own R where the trace was decided on another.
 */

const tracesOfKind = 12_000;
const kinds = ['plain', 'rv', 'counted', 'threshold', 'logs sampled'] as const;
type Kind = (typeof kinds)[number];
const startMs = 1e9;
const half = { th: '8', p: 0.5 };

interface World {
  readonly spans: GivenSpan[];
  readonly records: GivenRecord[];
  readonly kindOf: Map<string, Kind>;
  readonly truth: Map<Kind, number>;
}

/** Each trace has one to three records; what upstream dropped is not there, and counts in the truth. */
function world(seed: number): World {
  const chance = mulberry(seed);
  const made: World = { spans: [], records: [], kindOf: new Map(), truth: new Map() };
  for (const kind of kinds) {
    for (let i = 0; i < tracesOfKind; i++) {
      const trace = randomTrace(chance);
      made.kindOf.set(trace, kind);
      const size = 1 + (i % 3);
      made.truth.set(kind, (made.truth.get(kind) ?? 0) + size);
      const span = { trace, name: i % 2 === 0 ? 'seldom' : 'often', startMs: startMs + i };
      if (kind === 'rv') made.spans.push({ ...span, traceState: `ot=rv:${randomTrace(chance).slice(0, 14)}` });
      else if (kind === 'counted') {
        if (chance() < 0.25) made.spans.push({ ...span, attributes: { 'sampling.adjusted_count': 4 } });
      } else if (kind === 'threshold') {
        if (shareOf(trace) <= half.p) made.spans.push({ ...span, traceState: `ot=th:${half.th}` });
      } else made.spans.push(span);
      for (let record = 0; record < size; record++) {
        const sampled = kind === 'logs sampled' && i % 4 === 0;
        if (!sampled || shareOf(trace) <= half.p) made.records.push({ trace, timeMs: startMs + i + record, ...(sampled ? { attributes: { 'sampling.threshold': half.th } } : {}) });
      }
    }
  }
  return made;
}

const lists = <T>(items: readonly T[]): T[][] => Array.from({ length: Math.ceil(items.length / 8000) }, (_, i) => items.slice(i * 8000, (i + 1) * 8000));
const tracePolicy = "SELECT trace_id, CASE WHEN root_name = 'often' THEN 0.4 ELSE 0.05 END AS probability FROM traces";
const ofKept = readFileSync(new URL('../../sql/policies/logs_of_kept_traces.sql', import.meta.url), 'utf8');

async function run(given: World, logPolicies: readonly string[]): Promise<SeenItem[]> {
  const policies = await compile(tracePolicy, ...logPolicies);
  const flow = await openFlow({ policies, windows: { tracesLengthMs: 5000, tracesWaitMs: 2000, logsLengthMs: 3000 }, decisionsMax: 1_000_000 });
  try {
    const streams = { traces: flow.processor.intake.open('traces'), logs: flow.processor.intake.open('logs') };
    const messages = { traces: spansMessages(lists(given.spans.toSorted((a, b) => a.startMs - b.startMs))), logs: recordsMessages(lists(given.records.toSorted((a, b) => a.timeMs - b.timeMs))) };
    for (const signal of ['logs', 'traces'] as const) {
      for (const bytes of messages[signal]) {
        expect((await streams[signal].accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
        await flow.processor.advance(0n);
      }
    }
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    return itemsSeen('logs', flow.sink.messages('logs'));
  } finally {
    flow.processor.close();
  }
}

/** Estimate over truth by kind, with z from the spread between traces. */
function estimates(given: World, seen: readonly SeenItem[], countOf = ({ count }: SeenItem): number => count): Map<Kind, { ratio: number; z: number }> {
  const byTrace = new Map<string, number>();
  for (const item of seen) byTrace.set(item.trace, (byTrace.get(item.trace) ?? 0) + countOf(item));
  return new Map(kinds.map((kind) => {
    let sum = 0;
    let squares = 0;
    for (const [trace, value] of byTrace) {
      if (given.kindOf.get(trace) !== kind) continue;
      sum += value;
      squares += value * value;
    }
    const truth = given.truth.get(kind) ?? 0;
    return [kind, { ratio: sum / truth, z: (sum - truth) / Math.sqrt(squares - sum * sum / tracesOfKind) }];
  }));
}

describe('records of kept traces', () => {
  const given = world(11);
  let alone: SeenItem[] = [];

  test('are unbiased, whatever R the trace was decided on', async () => {
    alone = await run(given, [ofKept]);
    for (const [kind, { ratio, z }] of estimates(given, alone)) {
      expect(Math.abs(z), `${kind}: ${ratio.toFixed(3)}, z ${z.toFixed(1)}`).toBeLessThan(4);
      expect(Math.abs(ratio - 1)).toBeLessThan(0.12);
    }
  });

  test('leave with the threshold where their own R is that of the trace, without it where it is not', () => {
    for (const { trace, threshold, count } of alone) {
      const kind = given.kindOf.get(trace);
      expect(threshold === null, kind).toBe(kind === 'rv' || kind === 'counted');
      if (threshold !== null) expect(shareOf(trace)).toBeLessThanOrEqual(1 / count + 1e-12);
    }
  });

  test('control: counted as one each they are a sample without its p', () => {
    for (const [, { ratio, z }] of estimates(given, alone, () => 1)) {
      expect(ratio).toBeLessThan(0.4);
      expect(z).toBeLessThan(-20);
    }
  });

  test('control: judged on their own R where the trace was decided on another, they are sampled twice', () => {
    const twice = estimates(given, alone, ({ trace, count }) => (shareOf(trace) <= 1 / count ? count : 0));
    for (const kind of ['rv', 'counted'] as const) expect(twice.get(kind)?.z).toBeLessThan(-20);
    expect(Math.abs(twice.get('plain')?.z ?? 99)).toBeLessThan(4);
  });

  test('are unbiased together with a rule that does not look at traces', async () => {
    const seen = await run(given, [ofKept, 'SELECT id, 0.2 AS probability FROM logs', "SELECT l.id, 1.0 AS probability FROM logs l JOIN kept_traces k USING (trace_id) WHERE k.adjusted_count < 5"]);
    for (const [kind, { ratio, z }] of estimates(given, seen)) expect(Math.abs(z), `${kind}: ${ratio.toFixed(3)}, z ${z.toFixed(1)}`).toBeLessThan(4);
  });
});
