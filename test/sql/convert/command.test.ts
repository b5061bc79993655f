import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { folderOf, thresher } from '../../unit/authoring/support.ts';

const folder = folderOf({
  'collector.yaml': 'processors:\n  tail_sampling:\n    policies:\n      - { name: slow, type: latency, latency: { threshold_ms: 500 } }\n      - { name: bad, type: status_code }\n',
  'good.yaml': 'processors:\n  tail_sampling:\n    num_traces: 5\n    policies:\n      - { name: slow, type: latency, latency: { threshold_ms: 500 } }\n',
  'pattern.yaml': 'processors: { tail_sampling: { policies: [{ name: p, type: string_attribute, string_attribute: { key: k, values: ["(a"], enabled_regex_matching: true } }] } }\n',
  'broken.yaml': 'processors: [\n',
  'other.yaml': 'a: 1\n',
});

afterAll(() => rmSync(folder, { recursive: true }));

test('prints what comes of it, and says what does not', async () => {
  const { code, out, errors } = await thresher(folder, 'convert', 'collector.yaml');
  expect(code).toBe(1);
  expect(out).toContain('-- ---- slow.sql ----\n');
  expect(out).toContain('WHERE duration >= INTERVAL 501 MILLISECONDS\n');
  expect(out).toContain('# ---- thresher.yaml ----\n');
  expect(errors).toContain('error: processors.tail_sampling.policies[1]: not converted: status_codes is empty');
  expect(errors).toContain('1 policy, 1 error, 0 warnings, 0 notes\n');
});

test('writes a folder, and nothing over what is there', async () => {
  expect((await thresher(folder, 'convert', 'good.yaml', '--output', 'out')).code).toBe(0);
  expect(readdirSync(join(folder, 'out')).sort()).toEqual(['slow.sql', 'thresher.yaml']);
  const again = await thresher(folder, 'convert', 'good.yaml', '--output', 'out');
  expect([again.code, again.errors]).toEqual([2, expect.stringContaining('slow.sql, thresher.yaml are there already; --overwrite replaces')]);
  expect((await thresher(folder, 'convert', 'good.yaml', '--output', 'out', '--overwrite')).code).toBe(0);
  expect(readFileSync(join(folder, 'out/slow.sql'), 'utf8')).toContain('-- Converted from good.yaml, processors.tail_sampling.policies[0].');
});

test('--strict fails on what is another thing here', async () => {
  expect((await thresher(folder, 'convert', 'good.yaml', '--strict')).code).toBe(1);
});

test('a pattern that the engine cannot read is told', async () => {
  const { code, errors } = await thresher(folder, 'convert', 'pattern.yaml');
  expect([code, errors]).toEqual([1, expect.stringMatching(/error: p\.sql: .*\(a/)]);
});

test.each([['broken.yaml', 'broken.yaml:'], ['other.yaml', 'it is neither'], ['missing.yaml', 'cannot read']])('%s', async (file, message) => {
  const { code, errors } = await thresher(folder, 'convert', file);
  expect([code, errors]).toEqual([2, expect.stringContaining(message)]);
});
