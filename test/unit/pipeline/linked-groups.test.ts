import { describe, expect, test } from 'vitest';
import type { ProcessorOptions } from '../../../src/pipeline/processor.ts';
import { compile, openFlow } from '../../sql/store/support.ts';
import { type GivenSpan, itemsSeen, randomTrace, recordsMessages, type SeenItem, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

const high = 'f'.repeat(14);
const low = `${'0'.repeat(13)}1`;
/** A trace by its first digit; R is the greatest, or the least. */
const id = (first: string, r = high): string => first.repeat(18) + r;
const span = (trace: string, more: Partial<GivenSpan> = {}): GivenSpan => ({ trace, startMs: 1e9, ...more });

interface Run {
  readonly seen: readonly SeenItem[];
  readonly kept: readonly string[];
}

async function run(spans: readonly GivenSpan[], texts: readonly string[], linked: ProcessorOptions['windows']['linked'], options: Partial<ProcessorOptions> = {}): Promise<Run> {
  const flow = await openFlow({ policies: await compile(...texts), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000, linked: linked ?? null }, ...options });
  try {
    const stream = flow.processor.intake.open('traces');
    for (const bytes of spansMessages([spans])) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    expect(flow.processor.held('traces')).toEqual({ items: 0, bytes: 0 });
    const seen = itemsSeen('traces', flow.sink.messages('traces'));
    return { seen, kept: seen.map(({ trace, count }) => `${trace[0]} ${count}`).sort() };
  } finally {
    flow.processor.close();
  }
}

const both = { spanLinks: true, sessionKey: 'session.id' };
const half = 'SELECT trace_id, 0.5 AS probability FROM traces';

describe('a group', () => {
  const spans = [span(id('a'), { links: [id('b', low)] }), span(id('b', low)), span(id('c', low), { links: [id('a')] }), span(id('d', low)), span(id('e'))];

  test('goes by its leader: links in both directions, named or not', async () => {
    expect((await run(spans, [half], both)).kept).toEqual(['a 2', 'b 2', 'c 2', 'e 2']);
    expect((await run(spans, [half], null)).kept).toEqual(['a 2', 'e 2']);
    expect((await run(spans, [`${half} WHERE trace_id = '${id('c', low)}'`], both)).kept).toEqual(['a 2', 'b 2', 'c 2']);
  });

  test('is dropped with its leader', async () => {
    expect((await run([span(id('1', low), { links: [id('2')] }), span(id('2'))], [half], both)).kept).toEqual([]);
  });

  test('has its greatest p; a member under a ceiling has that', async () => {
    const more = `SELECT trace_id, 0.25 AS probability FROM traces UNION ALL SELECT trace_id, 0.5 FROM traces WHERE trace_id = '${id('b', low)}'`;
    expect((await run(spans, [more], both)).kept).toEqual(['a 2', 'b 2', 'c 2', 'e 4']);
    const ceiling = `-- mode: drop\nSELECT trace_id, CASE WHEN root_name = 'less' THEN 0.125 ELSE 0 END AS probability FROM traces WHERE root_name IN ('less', 'never')`;
    const limited = spans.map((one) => ({ ...one, name: one.trace.startsWith('b') ? 'never' : one.trace.startsWith('c') ? 'less' : 'free' }));
    expect((await run(limited, [ceiling, half], both)).kept).toEqual(['a 2', 'c 8', 'e 2']);
  });

  test('by session: an attribute of any span; an empty value is none', async () => {
    const of = (session: string): Partial<GivenSpan> => ({ attributes: { 'session.id': session } });
    const sessions = [span(id('a'), of('x')), span(id('b', low), { links: [id('c', low)] }), span(id('b', low), of('x')), span(id('c', low)), span(id('d'), of('')), span(id('e', low), of(''))];
    expect((await run(sessions, [half], both)).kept).toEqual(['a 2', 'b 2', 'b 2', 'c 2', 'd 2']);
    expect((await run(sessions, [half], { spanLinks: false, sessionKey: 'session.id' })).kept).toEqual(['a 2', 'b 2', 'b 2', 'd 2']);
  });

  test('is of one window: a link to a trace that is not there, or comes later, is nothing', async () => {
    const early = [span(id('a'), { links: [id('9', low)] }), span(id('a')), span(id('a'))];
    expect((await run([...early, span(id('b', low), { links: [id('a')], startMs: 1e9 + 25_000 })], [half], both)).kept).toEqual(['a 2', 'a 2', 'a 2']);
  });

  test('kept for certain leaves as it came', async () => {
    const { seen } = await run([span(id('a'), { links: [id('b')] }), span(id('b'), { traceState: 'ot=th:8' })], ['SELECT trace_id, 1.0 AS probability FROM traces'], both);
    expect(seen.map(({ threshold, count }) => `${threshold} ${count}`).sort()).toEqual(['0 1', '8 2']);
  });

  test('leaves members without a threshold, even where their R would reach it', async () => {
    const { seen } = await run([span(id('a'), { links: [id('b', 'e'.repeat(14))] }), span(id('b', 'e'.repeat(14)))], [half], both);
    expect(seen.map(({ trace, threshold, count }) => `${trace[0]} ${threshold} ${count}`).sort()).toEqual(['a 8 2', 'b null 2']);
  });
});

describe('beside groups', () => {
  test('traces without links are as they are without', async () => {
    const chance = mulberry(2);
    const spans = Array.from({ length: 500 }, (_, i) => span(randomTrace(chance), { links: i % 5 === 0 ? [randomTrace(chance)] : [] }));
    const [off, on] = [await run(spans, [half], null), await run(spans, [half], both)];
    expect(on.seen).toEqual(off.seen);
    expect(on.seen.length).toBeGreaterThan(200);
  });

  test('the views tell what each trace came with, and items the leader', async () => {
    const spans = [span(id('a'), { links: [id('b')], traceState: 'ot=th:8' }), span(id('b'), { attributes: { 'sampling.adjusted_count': 3 } })];
    const policy = 'SELECT trace_id, CASE WHEN (SELECT count(DISTINCT item.r) = 1 AND count(DISTINCT item.n_in) = 1 AND count(DISTINCT randomness) = 1 AND max(adjusted_count) = 3 AND min(adjusted_count) = 2 FROM traces) AND (SELECT count(DISTINCT item.r) = 1 AND max(adjusted_count) = 3 FROM spans) THEN 1.0 ELSE 0.0 END AS probability FROM traces';
    expect((await run(spans, [policy], both)).kept).toEqual(['a 2', 'b 3']);
  });

  test('records of a group that was kept are kept with it, at its count', async () => {
    const flow = await openFlow({ policies: await compile(half, 'SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)'), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000, linked: both } });
    try {
      const streams = { traces: flow.processor.intake.open('traces'), logs: flow.processor.intake.open('logs') };
      for (const bytes of spansMessages([[span(id('a'), { links: [id('b', low)] }), span(id('b', low)), span(id('c', low))]])) await streams.traces.accept({ bytes, compressed: null, encoding: 'identity' });
      for (const bytes of recordsMessages([[id('a'), id('b', low), id('c', low)].map((trace) => ({ trace, timeMs: 1e9 }))])) await streams.logs.accept({ bytes, compressed: null, encoding: 'identity' });
      await flow.processor.drain();
      expect(itemsSeen('logs', flow.sink.messages('logs')).map(({ trace, count, threshold }) => `${trace[0]} ${count} ${threshold}`).sort()).toEqual(['a 2 8', 'b 2 null']);
    } finally {
      flow.processor.close();
    }
  });
});
