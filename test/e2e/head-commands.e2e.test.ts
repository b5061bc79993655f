import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli.ts';
import { startHeadService } from '../support/head-service.ts';

const directory = mkdtempSync(join(tmpdir(), 'head-commands-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function run(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> {
  const [out, errors]: [string[], string[]] = [[], []];
  const sink = (lines: string[]): { write(text: string): unknown } => ({ write: (text) => lines.push(text) });
  const code = await runCli(argv, { stdout: sink(out), stderr: sink(errors), environment: {}, directory, signal: new AbortController().signal });
  return { code, out: out.join(''), errors: errors.join('') };
}

describe('thresher head preview', () => {
  test('prints the answer as it goes on the wire, and what it means', async () => {
    const service = await startHeadService();
    await service.set('check out', 0.25, [{ operation: 'GET /health', rate: 0.0012 }]);
    const { code, out } = await run('head', 'preview', '--service', 'check out', '--endpoint', service.http);
    await service.close();
    expect(code).toBe(0);
    expect(out).toContain(`GET http://${service.http}/sampling?service=check%20out`);
    expect(out).toContain('"samplingRate":0.25');
    expect(out).toContain('reason: set by a test');
    expect(out).toContain('120909000000000000d03f22');
    expect(out).toMatch(/0\.12 % +GET \/health/);
  });

  test('says what to do where nobody answers', async () => {
    const { code, errors } = await run('head', 'preview', '--service', 'a', '--endpoint', '127.0.0.1:1');
    expect([code, errors]).toEqual([1, expect.stringContaining('is a Thresher with head: running, and is --endpoint its head.http.endpoint?')]);
    expect((await run('head', 'preview')).code).toBe(2);
  });
});

describe('thresher policy check', () => {
  function write(name: string, text: string): string {
    writeFileSync(join(directory, name), text);
    return name;
  }

  test('knows the SQL of rates, among policies too', async () => {
    const { code, out } = await run('policy', 'check', 'package:sql/head/default.sql', 'package:sql/policies/errors_and_slow.sql');
    expect(code).toBe(0);
    expect(out).toMatch(/sql\/head\/default\.sql: rates of head sampling/);
    const json: unknown = JSON.parse((await run('policy', 'check', '--format', 'json', 'package:sql/head/default.sql')).out);
    expect(json).toMatchObject({ ok: true, files: [{ name: 'default', signal: 'head', findings: [] }] });
  });

  test.each([
    ['no-rate.sql', 'SELECT service, operation FROM head_statistics', /no column rate.*\[shape\]/],
    ['too-much.sql', 'SELECT service, operation, probability * 3 AS rate FROM head_statistics', /returns the rate 3.*\[rate_range\]/],
    ['chance.sql', 'SELECT service, operation, random() AS rate FROM head_statistics', /random\(\).*\[not_allowed\]/],
  ])('%s', async (name, text, message) => {
    const { code, out } = await run('policy', 'check', write(name, text));
    expect(code).toBe(1);
    expect(out).toMatch(message);
  });

  test('with a configuration checks the file that this names', async () => {
    write('rates.sql', 'SELECT service, operation, 2 AS rate FROM head_statistics');
    const config = write('t.yaml', `receivers: { otlp: { grpc: {} } }\npolicies: package:sql/policies/errors_and_slow.sql\nexporters: { debug: {} }\nhead: { policy: ${join(directory, 'rates.sql')} }\n`);
    const { code, out } = await run('policy', 'check', '--config', config);
    expect([code, /rates\.sql: error: it returns the rate 2/.test(out)]).toEqual([1, true]);
  });

  test('head_minimum is a rate', async () => {
    expect((await run('policy', 'check', write('m.sql', '-- head_minimum: 0.05\nSELECT trace_id, 1.0 AS probability FROM traces WHERE has_error'))).code).toBe(0);
    expect((await run('policy', 'check', write('m.sql', '-- head_minimum: 5\nSELECT trace_id, 1.0 AS probability FROM traces WHERE has_error'))).out).toMatch(/1:1: error: head_minimum is a rate from 0 to 1/);
  });
});
