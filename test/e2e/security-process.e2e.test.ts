import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { Authority, TestFiles } from '../support/certificates.ts';
import { takenBatches } from '../support/taken.ts';
import { exporterOf } from './otlp-exporter-support.ts';
import { until, writeConfig } from './run-support.ts';

const files = new TestFiles();
const authority = new Authority('Thresher test');
const ca = files.write('ca.crt', authority.certificate);
const server = files.certified('server', authority.issue({ name: 'thresher.test' }));
afterAll(() => files.remove());

/** Runs a `thresher` process until it ends, or `stop` holds of what it has said and it is asked to end; gives its exit code and all that it said. */
async function ran(argv: readonly string[], environment: Record<string, string>, stop: (said: string) => Promise<boolean> = async () => false): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [packageFile('src/main.ts'), ...argv], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until(() => said.includes('"started"') || child.exitCode !== null, 20_000, () => said);
  if (await stop(said)) child.kill('SIGTERM');
  return { code: await closed, said };
}

const yaml = (listener: string): string => `receivers: { otlp: { grpc: { ${listener} } } }\nwindows: { traces: { length: 1h } }\nexporters: { debug: {} }`;

describe('thresher run', { timeout: 40_000 }, () => {
  test('does not start where its listener could be read by others, and says what to write', async () => {
    const config = writeConfig(files.directory, 'open', yaml('endpoint: "0.0.0.0:0"'));
    const { code, said } = await ran(['run', '--config', config], {});
    expect(code).toBe(2);
    expect(said).toMatch(/open\.yaml:1: receivers\.otlp\.grpc\.endpoint: 0\.0\.0\.0:0 can be reached from other machines and has no TLS, .*: give tls: .*, or write insecure: true/);
  });

  test('tokens from the file that an environment variable names let senders in, and are in nothing that it says', async () => {
    const tokens = files.write('tokens', 'hunter2-one\nhunter2-two\n');
    const config = writeConfig(files.directory, 'closed', yaml(`endpoint: "127.0.0.1:0", tls: { cert_file: ${server.cert}, key_file: ${server.key} }, auth: { bearer: { token: "\${env:OWN_TOKEN}", token_file: "\${env:TOKENS_FILE}" } }`));
    const environment = { TOKENS_FILE: tokens, OWN_TOKEN_FILE: files.write('own', 'hunter2-own\n') };
    const batches = takenBatches('collector_traces', 100_000);
    const counts: number[] = [];
    const { code, said } = await ran(['run', '--config', config, '--set', 'logs.level=debug'], environment, async (text) => {
      const port = /"grpc":"127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? '';
      for (const token of ['hunter2-one', 'hunter2-two', 'hunter2-own', 'hunter2-none']) {
        const exporter = exporterOf('otlp', `endpoint: "127.0.0.1:${port}", tls: { ca_file: ${ca}, server_name_override: thresher.test }, auth: { bearer: { token: ${token} } }`);
        await exporter.send(batches);
        counts.push(exporter.exported());
        expect(exporter.logged.join('')).not.toContain('hunter2');
      }
      return true;
    });
    const [{ rowCount }] = batches;
    expect([code, counts]).toEqual([0, [rowCount, rowCount, rowCount, 0]]);
    expect(said).toMatch(/"reason":"unauthenticated".*"token":"wrong","peer":"127\.0\.0\.1:\d+"/);
    expect(said).not.toContain('hunter2');
  });

  test('a configuration that is wrong elsewhere does not show its secrets either', async () => {
    const config = writeConfig(files.directory, 'wrong', yaml('endpoint: 5, auth: { bearer: { token: hunter2, nope: hunter2 } }').replace('debug: {}', 'otlp: { endpoint: "x:1", headers: { a: hunter2 }, auth: { basic: { username: u, password: hunter2, realm: hunter2 } }, nope: 1 }'));
    const { code, said } = await ran(['run', '--config', config, '--set', 'exporters.otlp.auth.basic.password.x=hunter2'], {});
    expect(code).toBe(2);
    expect(said).toContain('nope: unknown key');
    expect(said).not.toContain('hunter2');
    expect((await ran(['run', '--help'], { TOKEN: 'hunter2' })).said).not.toContain('hunter2');
  });

  test('a certificate that cannot be read ends it with what is wrong', async () => {
    const { code, said } = await ran(['run', '--config', writeConfig(files.directory, 'unread', yaml(`endpoint: "127.0.0.1:0", tls: { cert_file: ${join(files.directory, 'none.crt')}, key_file: ${server.key} }`))], {});
    expect(code).toBe(1);
    expect(said).toMatch(/thresher: receivers\.otlp\.grpc\.tls: cannot use .*none\.crt.*: ENOENT/);
  });
});
