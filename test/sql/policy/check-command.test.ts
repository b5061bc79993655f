import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../../src/cli.ts';

const good = 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error';
const files: { readonly [name: string]: string } = {
  'good.sql': good,
  'warned.sql': 'SELECT trace_id, 1.0 AS probability\nFROM spans\nWHERE status_code = 7',
  'wrong.sql': "-- Größe\nSELECT trace_id, 1.0 FROM traces\nWHERE root_name = 'ä' AND has_eror",
  'controls.sql': "SELECT trace_id, 1.0 FROM traces WHERE '\u001b[31m\u0007' = has_eror",
  'sampled.sql': 'SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces',
  'thresher.yaml': 'receivers: {otlp: {grpc: {}}}\nexporters: {debug: {}}\npolicies: [good.sql, sampled.sql]\n',
  'large.sql': `SELECT trace_id, 1.0 FROM traces WHERE root_name = '${'x'.repeat(70_000)}'`,
  'other/good.sql': good,
};

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'thresher-check-'));
  mkdirSync(join(directory, 'other'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function check(...argv: string[]) {
  return checkOn({ isTTY: false, environment: {} }, ...argv);
}

async function checkOn({ isTTY, environment }: { readonly isTTY: boolean; readonly environment: Readonly<Record<string, string>> }, ...argv: string[]) {
  const out: string[] = [];
  const errors: string[] = [];
  const io = {
    stdout: { write: (text: string) => out.push(text), isTTY }, stderr: { write: (text: string) => errors.push(text) },
    environment, directory, signal: new AbortController().signal,
  };
  const code = await runCli(['policy', 'check', ...argv], io);
  return { code, out: out.join(''), errors: errors.join('') };
}

describe('exit codes', () => {
  test.each([
    [['good.sql'], 0],
    [['warned.sql'], 0],
    [['--strict', 'good.sql'], 0],
    [['--strict', 'warned.sql'], 1],
    [['good.sql', 'wrong.sql'], 1],
    [['good.sql', 'other/good.sql'], 1],
    [['--config', 'thresher.yaml', '--set', 'policies=["package:sql/policies/errors_and_slow.sql"]'], 0],
    [['--config', 'thresher.yaml', '--set', 'policies=["package:sql/policies/errors_and_slow.sql"]', '--set', 'policy.combine=first_match'], 1],
    [[], 2],
    [['missing.sql'], 2],
    [['--set', 'seed=1', 'good.sql'], 2],
    [['--config', 'missing.yaml'], 2],
    [['--format', 'xml', 'good.sql'], 2],
  ])('%j gives %i', async (argv, code) => {
    expect((await check(...argv)).code).toBe(code);
  });
});

test('the text says where, shows the line with a caret, and what to write', async () => {
  expect((await check('good.sql', 'wrong.sql')).out).toMatchInlineSnapshot(`
    "good.sql: policy for traces
        reads traces: trace_id, has_error
        can decide at once: SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error
    wrong.sql:3:27: error: there is no column has_eror here [unknown_name]
        | WHERE root_name = 'ä' AND has_eror
        |                           ^
        = did you mean has_error?
    projected of every span: 3 columns, 25 bytes
    2 files: 1 error, 0 warnings, 0 notes
    "
  `);
});

test('a folder stands for its SQL files, and each file is checked once', async () => {
  const { out } = await check('other', 'other/*.sql', 'other/good.sql', '--format', 'json');
  expect(JSON.parse(out).files.map(({ path }: { path: string }) => path)).toEqual(['other/good.sql']);
});

test('JSON for programs', async () => {
  const { out, code } = await check('warned.sql', 'good.sql', 'other/good.sql', 'large.sql', '--format', 'json');
  expect(code).toBe(1);
  const report = JSON.parse(out);
  expect({ version: report.version, ok: report.ok }).toEqual({ version: 1, ok: false });
  expect(report.files[0]).toEqual({
    path: 'warned.sql', name: 'warned', signal: 'traces', mode: 'enforce',
    reads: { views: [{ view: 'spans', columns: ['trace_id', 'status_code'], keys: [] }], stars: [], sides: [] },
    decides_at_once: 'SELECT trace_id, 1.0 AS probability FROM spans WHERE (status_code = 7)',
    findings: [{ code: 'never_matches', severity: 'warning', line: 3, column: 7, message: 'no row can fulfil this condition', hint: 'status_code is 0 unset, 1 ok, 2 error' }],
  });
  expect(report.files[3].findings[0]).toMatchObject({ code: 'too_large', severity: 'error', line: null });
  expect(report.findings).toEqual([{
    code: 'duplicate_name', severity: 'error', line: null, column: null, message: 'good.sql and other/good.sql are both called good', hint: 'rename one: metrics and messages go by the name',
  }]);
  expect(report.projected).toEqual([{ signal: 'traces', columns: 3, bytes_per_row: 25, tables: [] }]);
});

test('colours only on a terminal, and nothing of a policy\'s text can write to it', async () => {
  expect((await check('controls.sql')).out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  const { out } = await checkOn({ isTTY: true, environment: {} }, 'controls.sql');
  expect(out).toContain('\u001b[31merror\u001b[0m');
  expect(out).not.toContain('\u0007');
  expect((await checkOn({ isTTY: true, environment: { NO_COLOR: '1' } }, 'controls.sql')).out).not.toContain('\u001b');
});
