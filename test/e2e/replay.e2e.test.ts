import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { captureOf, directory as captureDirectory, splitDelimited } from '../support/captures.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { truthItems } from '../sql/store/truth-rows.ts';

const directory = mkdtempSync(join(tmpdir(), 'replay-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the command line as a process of its own. */
function thresher(...argv: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [packageFile('src/main.ts'), ...argv], { encoding: 'utf8', cwd: directory });
  return { status, stdout, stderr };
}

function policy(name: string, sql: string): string {
  const path = join(directory, `${name}.sql`);
  writeFileSync(path, sql);
  return path;
}

const input = (name: string): string => join(captureDirectory, captureOf(name).file);
const logsTenth = policy('logs_tenth', 'SELECT id, 0.1 AS probability FROM logs');
const logsOfKept = policy('logs_of_kept', 'SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)');
const errors = policy('errors', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error\nUNION ALL SELECT trace_id, 0.05 FROM traces');

describe('thresher replay', () => {
  test('keeps what the policy says, writes it, and sums it up', () => {
    const output = join(directory, 'kept.otap');
    const { status, stdout, stderr } = thresher('replay', '--input', input('traces_zstd'), '--policy', errors, '--window', '1s', '--decision-wait', '5s', '--output', output);
    expect([status, stderr]).toEqual([0, '']);
    const kept = truthItems(decodeOwn('traces', splitDelimited(readFileSync(output))));
    const truth = truthItems(readTruth('traces_zstd'));
    const values = Object.fromEntries(stdout.trim().split('\n').map((line) => [line.slice(0, 18).trim(), line.slice(19)]));
    expect(values).toMatchObject({ 'spans in': String(truth.length), 'dropped': String(truth.length - kept.length), 'true count': `${truth.length}.0` });
    expect(values['kept']).toMatch(new RegExp(`^${kept.length} \\(\\d+\\.\\d\\d %\\)$`));
    expect(values['bytes out']).toMatch(/^\d{5,} \(/);
    // Every trace with an error is there, and whole.
    const failed = new Set(truth.filter(({ item }) => JSON.stringify(item['status'] ?? {}).includes('2')).map(({ item }) => item['traceId']));
    const keptIds = new Set(kept.map(({ item }) => item['traceId']));
    expect(failed.size).toBeGreaterThan(5);
    for (const id of failed) expect(keptIds.has(id)).toBe(true);
    expect(kept.length).toBe(truth.filter(({ item }) => keptIds.has(item['traceId'])).length);
  });

  test('decides the same each time: outputs are equal byte for byte, and with another seed they are not', () => {
    const outputs = [['a', '7'], ['b', '7'], ['c', '8']].map(([name, seed]) => {
      const output = join(directory, `${name}.otap`);
      const { status } = thresher('replay', '--input', input('rust/rust_logs'), '--policy', logsTenth, '--window', '5s', '--seed', seed, '--output', output);
      expect(status).toBe(0);
      return readFileSync(output);
    });
    expect(Buffer.compare(outputs[0], outputs[1])).toBe(0);
    expect(Buffer.compare(outputs[0], outputs[2])).not.toBe(0);
    expect(outputs[0].length).toBeGreaterThan(1000);
  });

  test('its output is valid input: a second tier keeps everything of the first, with the same counts', () => {
    const first = join(directory, 'first.otap');
    const second = join(directory, 'second.otap');
    for (const [from, to] of [[input('rust/rust_logs'), first], [first, second]]) {
      expect(thresher('replay', '--input', from, '--policy', logsTenth, '--window', '5s', '--output', to).status).toBe(0);
    }
    const counts = [first, second].map((path) => truthItems(decodeOwn('logs', splitDelimited(readFileSync(path)))).map(({ item }) => JSON.stringify(item)).sort());
    expect(counts[1]).toEqual(counts[0]);
  });

  test.each([
    [['--input', 'absent.otap', '--policy', errors], 1, /absent\.otap: no such file/],
    [['--input', input('traces_zstd'), '--policy', 'absent.sql'], 2, /--policy.*no such file: .*absent\.sql/],
    [['--input', input('traces_zstd'), '--policy', logsTenth], 2, /holds traces, and no --policy is for traces/],
    [['--input', input('logs_zstd'), '--policy', logsTenth, '--policy', logsOfKept], 2, /logs_of_kept reads kept_traces, and a capture file of logs has no traces/],
    [['--input', input('traces_zstd'), '--policy', errors, '--output', 'no/such/directory.otap'], 1, /no\/such\/directory\.otap: ENOENT/],
    [['--input', errors, '--policy', errors, '--output', errors], 2, /--output: would replace the file that --input reads/],
    [['--input', errors, '--policy', errors], 1, /errors\.sql, before byte \d+: malformed protobuf/],
  ])('%j: leaves with %i and says why', (argv, code, message) => {
    const { status, stdout, stderr } = thresher('replay', ...argv);
    expect([status, stdout]).toEqual([code, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/error of Thresher itself/);
  });

  test('an output that cannot be written is an error, not a result', () => {
    const { status, stdout, stderr } = thresher('replay', '--input', input('collector_traces'), '--policy', errors, '--output', '/dev/full');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/items were not taken by otap_file/);
  });

  test('metrics pass through whole', () => {
    const output = join(directory, 'metrics.otap');
    expect(thresher('replay', '--input', input('collector_metrics'), '--policy', errors, '--output', output)).toMatchObject({ status: 0 });
    expect(readFileSync(output).length).toBeGreaterThan(1000);
  });
});

describe('thresher inspect', () => {
  test('counts payloads, rows and schemas', () => {
    const { status, stdout } = thresher('inspect', input('traces_zstd'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/200 batches, 21348 items\n/);
    expect(stdout).toMatch(/^SPANS +payloads 200 +rows 21348 .*schemas \d+$/m);
    expect(stdout).toMatch(/^ {2}trace_id +fixed16/m);
    expect(stdout).toMatch(/^SPAN_ATTRS +payloads 200 /m);
  });

  test('a broken file is said so', () => {
    expect(thresher('inspect', errors)).toMatchObject({ status: 1, stderr: expect.stringMatching(/^thresher: .*errors\.sql, before byte \d+: malformed protobuf/) });
  });
});
