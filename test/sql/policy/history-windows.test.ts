import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type SpanSpec, spanMessages, spansOf } from '../../unit/pipeline/synthetic.ts';
import { compile, openFlow } from '../store/support.ts';
import { mulberry } from '../../support/mulberry.ts';

/** Spans of roots of one operation: `count` of them, in the window that starts at `second`. */
interface Arrivals {
  readonly name: string;
  readonly count: number;
  readonly durationMs?: number;
}

const chance = mulberry(7);
const hex = (digits: number): string => Array.from({ length: digits }, () => Math.floor(chance() * 16).toString(16)).join('');

function spansIn(window: number, arrivals: readonly Arrivals[]): SpanSpec[] {
  return arrivals.flatMap(({ name, count, durationMs = 1 }) => Array.from({ length: count }, () => (
    { trace: hex(32), name, startMs: 1e9 + window * 10_000, durationMs })));
}

/** What each window keeps of each operation (spans, and the sum of their counts), windows of 10 s decided one after the other. */
async function run(policies: readonly string[], windows: readonly (readonly Arrivals[])[]): Promise<{ keptOf: (window: number, name: string) => { kept: number; estimate: number } }> {
  const messages = spanMessages(windows.map((arrivals, window) => spansIn(window, arrivals)));
  const byWindow: Map<string, { kept: number; estimate: number }>[] = [];
  const flow = await openFlow({ policies: await compile(...policies), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 } });
  try {
    let seen = 0;
    const stream = flow.processor.intake.open('traces');
    for (const message of messages) {
      expect((await stream.accept({ bytes: message, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
      await flow.processor.drain();
      const spans = spansOf(flow.sink.messages('traces')).slice(seen);
      seen += spans.length;
      const counts = new Map<string, { kept: number; estimate: number }>();
      for (const { name, count } of spans) {
        const of = counts.get(name) ?? { kept: 0, estimate: 0 };
        of.kept++;
        of.estimate += count;
        counts.set(name, of);
      }
      byWindow.push(counts);
    }
    expect(flow.tally.firstError).toBeNull();
    return { keptOf: (window, name) => byWindow[window].get(name) ?? { kept: 0, estimate: 0 } };
  } finally {
    flow.processor.close();
  }
}

const ready = (name: string): string => readFileSync(new URL(`../../../sql/policies/${name}.sql`, import.meta.url), 'utf8');
const near = (value: number, mean: number, sd: number): void => expect(Math.abs(value - mean)).toBeLessThan(4.5 * sd);

describe('the view history', () => {
  const declared = '-- history: root_name\n-- history_windows: 3\n';

  test('is empty at first, then has what the windows before came to, and forgets', async () => {
    const policy = `${declared}SELECT t.trace_id, coalesce((SELECT 1 - 0.1 * min(age) FROM history h WHERE h.key = t.root_name), 0.0) AS probability FROM traces t`;
    // The counts say what the policy saw: ages 1 to 3, then nothing of the window four before.
    const { keptOf } = await run([policy], [[{ name: 'a', count: 400 }], [{ name: 'a', count: 400 }], [{ name: 'b', count: 5 }], [{ name: 'a', count: 400 }], [{ name: 'b', count: 9 }], [{ name: 'b', count: 9 }], [{ name: 'b', count: 9 }], [{ name: 'a', count: 400 }]]);
    const perKept = (window: number): number => keptOf(window, 'a').estimate / keptOf(window, 'a').kept;
    expect(keptOf(0, 'a').kept).toBe(0);
    expect(perKept(1)).toBeCloseTo(1 / 0.9, 9);
    expect(perKept(3)).toBeCloseTo(1 / 0.8, 9);
    expect(keptOf(7, 'a').kept).toBe(0);
  });

  test('counts what came, what was kept by this policy and with which p, of the same key alone', async () => {
    const columns = "items = 30 AND arrivals = 30 AND probability = 0.25 AND probability_min = 0.25 AND threshold = 54043195528445952 AND kept BETWEEN 0 AND 30 AND abs(estimate - 4 * kept) < 1e-9";
    const policy = `${declared}SELECT trace_id, CASE WHEN EXISTS (SELECT 1 FROM history) THEN
      CASE WHEN (SELECT count(*) FROM history WHERE ${columns} AND key = 'a') = 1 AND (SELECT count(*) FROM history WHERE key = 'b' AND items = 2 AND kept = 0 AND threshold IS NULL) = 1 THEN 1 ELSE 0 END
      WHEN root_name = 'a' THEN 0.25 ELSE 0 END AS probability FROM traces`;
    // Another policy keeps everything; that does not enter this one's history, and its counts are those of the union.
    const { keptOf } = await run([policy, "SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name = 'other'"], [[{ name: 'a', count: 30 }, { name: 'b', count: 2 }], [{ name: 'c', count: 1 }]]);
    expect(keptOf(1, 'c')).toEqual({ kept: 1, estimate: 1 });
  });

  test('has weighted percentiles of the declared value', async () => {
    const holds = "value_p50 = 50 AND value_p90 = 90 AND value_p95 = 95 AND value_p99 = 99 AND value_max = 100 AND abs(value_mean - 50.5) < 1e-9";
    const policy = `-- history: 'all'\n-- history_value: duration_time_unix_nano / 1e6\nSELECT trace_id, 1.0 AS probability FROM traces WHERE EXISTS (SELECT 1 FROM history WHERE ${holds})`;
    const { keptOf } = await run([policy], [Array.from({ length: 100 }, (_, i) => ({ name: 'a', count: 1, durationMs: i + 1 })), [{ name: 'b', count: 1 }]]);
    expect(keptOf(1, 'b').kept).toBe(1);
  });

  test('spans stand for their traces; keys beyond the bound are forgotten, those of most arrivals stay', async () => {
    const policy = "-- history: root_name\n-- history_keys: 2\nSELECT s.id, CASE WHEN (SELECT count(*) = 2 AND min(key) = 'a' AND max(key) = 'c' AND max(kept) = 9 FROM history) THEN 0.5 ELSE 1.0 END AS probability FROM spans s";
    const { keptOf } = await run([policy], [[{ name: 'a', count: 9 }, { name: 'b', count: 1 }, { name: 'c', count: 3 }], [{ name: 'a', count: 50 }]]);
    const { kept, estimate } = keptOf(1, 'a');
    expect(kept).toBeGreaterThan(0);
    expect(estimate / kept).toBe(2);
  });
});

describe('ready policies that look back', () => {
  test('dynamic_rate_by_key: a tenth overall, the rare whole, the frequent less', async () => {
    const window = [{ name: 'often', count: 4000 }, { name: 'seldom', count: 10 }, { name: 'middle', count: 400 }];
    const { keptOf } = await run([ready('dynamic_rate_by_key')], Array.from({ length: 8 }, () => window));
    expect(['often', 'seldom', 'middle'].map((name) => keptOf(0, name).kept)).toEqual([4000, 10, 400]);
    // The expected rates, from the formula: the average of equal windows is n (1 - 2^-7).
    const n = { often: 4000, seldom: 10, middle: 400 };
    const average = Object.fromEntries(Object.entries(n).map(([name, count]) => [name, count * (1 - 2 ** -7)]));
    const total = Object.values(average).reduce((a, b) => a + b);
    const logs = Object.values(average).reduce((a, b) => a + Math.log(1 + b), 0);
    for (const [name, count] of Object.entries(n)) {
      const p = Math.min(1, Math.max(1, (total / 10) * Math.log(1 + average[name]) / logs) / average[name]);
      const { kept, estimate } = keptOf(7, name);
      near(kept, count * p, Math.sqrt(count * p * (1 - p)) + 1e-9);
      near(estimate, count, Math.sqrt(count * (1 / p - 1)) + 1e-6);
    }
    expect(keptOf(7, 'seldom').kept).toBe(10);
  });

  test('new_or_changed: all of the new, half of what surges, little of the usual', async () => {
    const usual = [{ name: 'usual', count: 1000 }];
    const { keptOf } = await run([ready('new_or_changed')], [usual, usual, usual, [{ name: 'usual', count: 4000 }, { name: 'new', count: 50 }], usual]);
    expect(keptOf(0, 'usual').kept).toBe(1000);
    near(keptOf(2, 'usual').kept, 20, Math.sqrt(1000 * 0.02 * 0.98));
    near(keptOf(3, 'usual').kept, 2000, Math.sqrt(1000));
    expect(keptOf(3, 'new')).toEqual({ kept: 50, estimate: 50 });
  });

  test('budget_with_carry_over: quiet windows save for loud ones, never more than six windows\' worth', async () => {
    const quiet = [{ name: 'a', count: 20 }];
    const loud = [{ name: 'a', count: 5000 }];
    const { keptOf } = await run([ready('budget_with_carry_over')], [loud, quiet, quiet, quiet, quiet, quiet, quiet, loud, loud, loud]);
    near(keptOf(0, 'a').kept, 100, 10);
    expect(keptOf(4, 'a').kept).toBe(20);
    near(keptOf(7, 'a').kept, 600 - 5 * 20, Math.sqrt(500));
    // What was spent is not there again: 600 - 4 * 20 - kept before.
    near(keptOf(8, 'a').kept, Math.max(10, 520 - keptOf(7, 'a').kept), 10);
    near(keptOf(7, 'a').estimate, 5000, Math.sqrt(5000 * 9));
  });

  test('slow_for_its_operation: what is slow is not the same for all', async () => {
    const window = (fast: number, slow: number): Arrivals[] => [...Array.from({ length: 20 }, (_, i) => ({ name: 'fast', count: 20, durationMs: i + 1 })), ...Array.from({ length: 20 }, (_, i) => ({ name: 'slow', count: 20, durationMs: 100 * (i + 1) })),
      { name: 'fast', count: fast, durationMs: 50 }, { name: 'slow', count: slow, durationMs: 50 }];
    const { keptOf } = await run([ready('slow_for_its_operation')], [window(0, 0), window(0, 0), window(1000, 0), window(0, 1000)]);
    near(keptOf(2, 'fast').kept, 0.5 * (1000 + 40) + 3.6, Math.sqrt(263));
    near(keptOf(3, 'slow').kept, 0.5 * 40 + 0.01 * 1360, Math.sqrt(24));
  });
});
