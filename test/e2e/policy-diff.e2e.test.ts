import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { captureOf, directory as captureDirectory } from '../support/captures.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { truthItems } from '../sql/store/truth-rows.ts';
import { folderOf, thresher } from '../unit/authoring/support.ts';

const folder = folderOf({
  'half.sql': 'SELECT trace_id, 0.5 AS probability FROM traces',
  'eighth.sql': 'SELECT trace_id, 0.125 AS probability FROM traces',
  'errors.sql': 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error',
  'logs.sql': 'SELECT id, 0.5 AS probability FROM logs',
});
const input = join(captureDirectory, captureOf('collector_traces').file);

/** What a rule of probability p keeps, worked out from the recorded trace ids alone. */
function keptAt(p: number): { readonly traces: number; readonly spans: number; readonly variance: number } {
  const threshold = BigInt(Math.round((1 - p) * 2 ** 56));
  const spansOf = new Map<string, number>();
  for (const { item } of truthItems(readTruth('collector_traces'))) {
    const id = String(item['traceId']);
    if (BigInt(`0x${id.slice(18)}`) >= threshold) spansOf.set(id, (spansOf.get(id) ?? 0) + 1);
  }
  const counts = [...spansOf.values()];
  return { traces: counts.length, spans: counts.reduce((sum, count) => sum + count, 0), variance: counts.reduce((sum, count) => sum + (count / p) ** 2 * (1 - p), 0) };
}

async function diff(a: string, b: string, ...rest: readonly string[]) {
  const { code, out, errors } = await thresher(folder, 'policy', 'diff', a, b, '--input', input, '--format', 'json', ...rest);
  return { code, errors, result: out === '' ? null : JSON.parse(out) as { readonly sides: readonly Record<string, unknown>[]; readonly overlap: object; readonly services: readonly { readonly truth: number }[]; readonly incoming: { readonly items: number } } };
}

describe('thresher policy diff', () => {
  test('counts, estimates and intervals are those of the recorded trace ids; the smaller sample lies in the larger', async () => {
    // No span of this capture states a randomness or threshold of its own.
    const [half, eighth] = [keptAt(0.5), keptAt(0.125)];
    const { code, result } = await diff('half.sql', 'eighth.sql');
    expect(code).toBe(0);
    for (const [side, truth, p] of [[result?.sides[0], half, 0.5], [result?.sides[1], eighth, 0.125]] as const) {
      expect(side).toMatchObject({ traces: truth.traces, total: { items: truth.spans, estimate: { value: truth.spans / p } }, error: null });
      expect(side?.['total']).toMatchObject({ estimate: { halfWidth: expect.closeTo(1.959963984540054 * Math.sqrt(truth.variance), 4) } });
    }
    expect(result?.overlap).toEqual({ both: eighth.traces, onlyFirst: half.traces - eighth.traces, onlySecond: 0 });
    expect(result?.services.reduce((sum, { truth }) => sum + truth, 0)).toBe(result?.incoming.items);
    expect(Number(result?.sides[1]?.['bytes'])).toBeLessThan(Number(result?.sides[0]?.['bytes']));
  });

  test('as text: both sides, bars, and the services', async () => {
    const { code, out } = await thresher(folder, 'policy', 'diff', 'half.sql', 'errors.sql', '--input', input);
    expect(code).toBe(0);
    expect(out).toMatch(/^1200 spans of 200 traces came, standing for 1200\.\n\n {18}A: half +B: errors\n/);
    // Every trace of this capture has an error.
    expect(out).toMatch(/traces kept by both +100 {2}#{10}\.{10}\ntraces kept by A alone +0 +\.{20}\ntraces kept by B alone +100 {2}#{10}\.{10}\n/);
    expect(out).toMatch(/\nservice +true spans +A kept +A estimate +B kept +B estimate\n/);
  });

  test('policies for another signal, missing files, and policies that fail', async () => {
    expect(await diff('half.sql', 'logs.sql')).toMatchObject({ code: 1, errors: expect.stringContaining('holds traces, and logs has no policy for traces') });
    expect(await diff('half.sql', 'none.sql')).toMatchObject({ code: 1, errors: expect.stringContaining('no such policy') });
    expect((await thresher(folder, 'policy', 'diff', 'half.sql', '--input', input)).code).toBe(2);
  });
});
