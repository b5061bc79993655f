import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { mulberry } from '../../support/mulberry.ts';
import { type SpanSpec, spanMessages, spansOf } from '../../unit/pipeline/synthetic.ts';
import { openFlow } from '../store/support.ts';

/** Windows of 10 s by event time, through the whole processor: the policy's picture of the window, and rates that go by its length. */

const chance = mulberry(11);
const hex = (digits: number): string => Array.from({ length: digits }, () => Math.floor(chance() * 16).toString(16)).join('');

async function countsOf(policy: string, windows: readonly (readonly SpanSpec[])[]): Promise<readonly (readonly number[])[]> {
  const compiler = await PolicyCompiler.create(sqlFunctionFiles());
  const policies = [await compiler.compile('p', policy)];
  compiler.close();
  const flow = await openFlow({
    policies, setupSql: sqlFunctionFiles().map(({ path }) => readFileSync(path, 'utf8')), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 },
  });
  const found: number[][] = [];
  try {
    let seen = 0;
    const stream = flow.processor.intake.open('traces');
    for (const message of spanMessages(windows)) {
      expect((await stream.accept({ bytes: message, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
      await flow.processor.drain();
      const spans = spansOf(flow.sink.messages('traces'));
      found.push(spans.slice(seen).map(({ count }) => count));
      seen = spans.length;
    }
    expect(flow.tally.firstError).toBeNull();
  } finally {
    flow.processor.close();
  }
  return found;
}

const spans = (window: number, count: number): SpanSpec[] =>
  Array.from({ length: count }, (_, i) => ({ trace: hex(32), name: 'a', startMs: 1e9 + window * 10_000 + (i * 9_999) / count }));

test('this_window holds the starts of its traces and is as long as it is', async () => {
  const within = 'start_time >= (SELECT start_time FROM this_window) AND start_time < (SELECT end_time FROM this_window)';
  const counts = await countsOf(`SELECT trace_id, CASE WHEN ${within} THEN (SELECT seconds FROM this_window) / 20 ELSE 0 END AS probability FROM traces`, [spans(0, 100), spans(1, 50)]);
  expect(counts.map((window) => new Set(window))).toEqual([new Set([2]), new Set([2])]);
});

test('rate_limit(5) of 400 traces in 10 s keeps with 1/8, of 20 all, and of 100 half', async () => {
  const counts = await countsOf('SELECT trace_id, rate_limit(5) AS probability FROM traces', [spans(0, 400), spans(1, 20), spans(2, 100)]);
  expect(counts.map((window) => new Set(window))).toEqual([new Set([8]), new Set([1]), new Set([2])]);
  expect(counts[1]).toHaveLength(20);
  expect(Math.abs(counts[0].length - 50)).toBeLessThan(4.5 * Math.sqrt(50 * (7 / 8)));
});
