import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { captureOf, directory as captureDirectory, splitDelimited } from '../support/captures.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { truthItems } from '../sql/store/truth-rows.ts';
import { folderOf, thresher } from '../unit/authoring/support.ts';

const folder = folderOf({
  'tenth.sql': 'SELECT trace_id, 0.1 AS probability FROM traces',
  'frontend.sql': "SELECT trace_id, 0.25 AS probability FROM spans WHERE service_name = 'frontend'",
  'by_span.sql': 'SELECT id, 0.25 AS probability FROM spans WHERE kind = 2',
  'quiet.sql': "-- mode: drop\nSELECT trace_id, 0.05 AS probability FROM traces WHERE NOT has_error",
  'logs.sql': 'SELECT id, 0.1 AS probability FROM logs',
  'shop/a.sql': "WITH slow AS (SELECT trace_id FROM spans WHERE duration > INTERVAL 1 SECOND AND attributes['http.route'] = '/cart')\nSELECT trace_id, 0.2 AS probability FROM traces JOIN slow USING (trace_id)\nUNION ALL SELECT unnest(bottom_k(item, 10), recursive := true) FROM traces GROUP BY root_service",
});
const input = join(captureDirectory, captureOf('traces_zstd').file);

interface Told {
  readonly story: { readonly randomness: string; readonly kept: number; readonly items: number; readonly output: { readonly threshold: string; readonly adjustedCount: number; readonly policies: string } | null };
  readonly verdict: { readonly isKept: boolean; readonly probability: number; readonly threshold: string | null; readonly because: string; readonly policies: readonly { readonly policy: string; readonly named: boolean; readonly threshold: string | null; readonly reaches: boolean | null }[] };
}

async function story(traceId: string, ...policies: readonly string[]): Promise<Told> {
  const { code, out, errors } = await thresher(folder, 'policy', 'explain', ...policies, '--input', input, '--trace', traceId, '--format', 'json');
  expect([code, errors]).toEqual([0, '']);
  return JSON.parse(out) as Told;
}

describe('thresher policy explain', () => {
  test('stories of kept and dropped traces say what a replay did, and why', async () => {
    const output = join(folder, 'kept.otap');
    expect((await thresher(folder, 'replay', '--input', input, '--policy', 'tenth.sql', '--policy', 'by_span.sql', '--output', output)).code).toBe(0);
    const kept = new Map(truthItems(decodeOwn('traces', splitDelimited(readFileSync(output)))).map(({ item }) => [String(item['traceId']), String(item['traceState'])]));
    const all = [...new Set(truthItems(readTruth('traces_zstd')).map(({ item }) => String(item['traceId'])))];
    const examples = [...all.filter((id) => kept.has(id)).slice(0, 1), ...all.filter((id) => !kept.has(id)).slice(0, 1)];
    for (const traceId of examples) {
      const { story: told, verdict } = await story(traceId, 'tenth.sql', 'by_span.sql');
      const state = kept.get(traceId);
      expect(verdict.isKept).toBe(state !== undefined);
      expect(BigInt(told.randomness)).toBe(BigInt(`0x${traceId.slice(18)}`));
      expect(told.kept).toBe(state === undefined ? 0 : told.items);
      // Each verdict can be checked by hand: R >= T.
      for (const { named, threshold, reaches } of verdict.policies) if (named) expect(reaches).toBe(BigInt(told.randomness) >= BigInt(`0x${(threshold ?? '').padEnd(14, '0')}`));
      expect(verdict.policies.some(({ reaches }) => reaches === true)).toBe(state !== undefined);
      if (state !== undefined) expect(state).toBe(`ot=th:${verdict.threshold ?? ''}`);
    }
  });

  test('ceilings hold, and the order of first_match', async () => {
    const traceId = String(truthItems(readTruth('traces_zstd'))[0].item['traceId']);
    const limited = await story(traceId, 'quiet.sql', 'tenth.sql');
    expect(limited.verdict).toMatchObject({ probability: expect.closeTo(0.05, 9), policies: [{ policy: 'quiet', named: true }, { policy: 'tenth' }] });
    const { out } = await thresher(folder, 'policy', 'explain', 'tenth.sql', 'frontend.sql', '--combine', 'first_match', '--input', input, '--trace', traceId, '--format', 'json');
    expect((JSON.parse(out) as Told).verdict.probability).toBeCloseTo(0.1, 9);
  });

  test('a log record by its number', async () => {
    const logs = join(captureDirectory, captureOf('logs_zstd').file);
    const { code, out } = await thresher(folder, 'policy', 'explain', 'logs.sql', '--input', logs, '--item', '3');
    expect(code).toBe(0);
    expect(out).toMatch(/^1 log records.*\n {2}R [0-9a-f]{14}, u 0\.\d+\. It came unsampled\.\n/);
    expect(out).toMatch(/logs {2}enforce {2}p 0\.1 {2}T e666666666666[68] {2}R (>=|<) T {2,3}count 10\n/);
  });

  test('what leaves before its window', async () => {
    const { out } = await thresher(folder, 'policy', 'explain', packageFile('sql/policies/errors_and_slow.sql'), '--no-cost');
    expect(out.replaceAll(/\s+/g, ' ')).toContain('decide_at_once these leave before their window: SELECT trace_id, 1.0 AS probability FROM traces WHERE (has_error OR');
  });

  test('what it does in words, what it reads, the plan and the cost', async () => {
    const { code, out } = await thresher(folder, 'policy', 'explain', 'shop', '--no-cost');
    expect(code).toBe(0);
    expect(out).toContain("  slow is:\n    spans, where (duration > 1 second) AND (attributes['http.route'] = '/cart'): gives trace_id\n");
    expect(out).toContain('keeps 20 % of them (probability 0.2); each kept one stands for 5');
    expect(out).toMatch(/2\. traces, for each root_service: samples by bottom_k\(item, 10\)\n {7}A uniform sample of/);
    expect(out).toMatch(/Reads\n {4}traces: .*\n {4}spans: .*attributes\['http\.route'\] VARCHAR\n/);
    expect(out).toMatch(/Plan .*\n {4}union\n {6}hash join/);
    const cost = await thresher(folder, 'policy', 'explain', packageFile('sql/policies/logs_warnings_and_tenth.sql'), '--format', 'json');
    expect(JSON.parse(cost.out)).toMatchObject({ cost: { windows: 6, perMillionMs: expect.any(Number), on: expect.stringContaining('made-up log records') } });
  });

  test('questions that have no answer', async () => {
    const ask = async (...rest: readonly string[]) => thresher(folder, 'policy', 'explain', 'tenth.sql', ...rest);
    expect(await ask('--trace', '12')).toMatchObject({ code: 2, errors: expect.stringContaining('expected 32 hexadecimal digits') });
    expect(await ask('--trace', 'ab'.repeat(16))).toMatchObject({ code: 2, errors: expect.stringContaining('--input: is missing') });
    expect(await ask('--trace', 'ab'.repeat(16), '--input', input)).toMatchObject({ code: 1, errors: expect.stringContaining(`does not hold trace ${'ab'.repeat(16)}`) });
    expect(await ask('--item', '99999999', '--input', input)).toMatchObject({ code: 1, errors: expect.stringContaining('it has 21348') });
  });
});
