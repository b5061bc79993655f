import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { packageFile, packageVersion } from '../../src/base/package-paths.ts';

const main = packageFile('src/main.ts');

describe('the process', () => {
  test('prints its version and leaves with 0', () => {
    expect(execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' })).toBe(`${packageVersion()}\n`);
  });

  test('leaves with 2 when the command is unknown', async () => {
    const child = spawn(process.execPath, [main, 'repaly'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    expect(await once(child, 'close')).toEqual([2, null]);
    expect(Buffer.concat(said).toString()).toMatch(/^thresher: unknown command repaly/);
  });

  test('sets the size of the thread pool before the pool starts', () => {
    // 20 tasks that each hold a thread: the pool's threads show in the list of the process' tasks.
    const probe = `
      process.argv = [process.argv[0], 'thresher', '--version'];
      const { readdirSync } = await import('node:fs');
      const before = readdirSync('/proc/self/task').length;
      await import(${JSON.stringify(main)});
      const { pbkdf2 } = await import('node:crypto');
      const done = Array.from({ length: 20 }, () => new Promise((resolve) => pbkdf2('a', 'b', 50_000, 64, 'sha512', resolve)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(readdirSync('/proc/self/task').length - before);
      await Promise.all(done);`;
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'UV_THREADPOOL_SIZE'));
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', probe], { encoding: 'utf8', env: environment });
    expect(Number(said.trim().split('\n').pop())).toBeGreaterThanOrEqual(16);
  });
});
