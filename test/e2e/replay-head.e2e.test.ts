import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { splitDelimited } from '../support/captures.ts';
import { type GivenSpan, itemsSeen, randomTrace, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { varint } from '../support/otlp-fields.ts';

/*
 * Scenario: a capture of traces that were sampled at the head and say so on the root alone is replayed.
 * Guarantees: with the root heard each span has its count; without it nothing is known of them.
 */
const directory = mkdtempSync(join(tmpdir(), 'replay-head-'));
afterAll(() => rmSync(directory, { recursive: true }));

test.each([['root', 8], ['unknown', null]] as const)('--unknown-input %s', (unknownInput, count) => {
  const chance = mulberry(3);
  const spans = Array.from({ length: 100 }, () => randomTrace(chance)).flatMap((trace, i): GivenSpan[] => [
    { trace, startMs: 1e9 + i, attributes: { 'sampler.type': 'probabilistic', 'sampler.param': 1 / 8 } }, { trace, parent: '01'.repeat(8), name: 'child', startMs: 1e9 + i }]);
  const [input, policy, output] = ['in.otap', 'all.sql', `${unknownInput}.otap`].map((name) => join(directory, name));
  writeFileSync(input, Buffer.concat(spansMessages([spans]).flatMap((message) => [Uint8Array.from(varint(message.length)), message])));
  writeFileSync(policy, 'SELECT trace_id, 1.0 AS probability FROM traces');
  const { status, stderr } = spawnSync(process.execPath, [
    packageFile('src/main.ts'), 'replay', '--input', input, '--policy', policy, '--output', output, '--input-without-threshold', 'unknown', '--unknown-input', unknownInput], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  const items = itemsSeen('traces', splitDelimited(readFileSync(output)), 'unknown');
  expect(items).toHaveLength(200);
  expect(items.every((item) => (count === null ? item.isUnknown : item.count === count && item.threshold === null))).toBe(true);
});
