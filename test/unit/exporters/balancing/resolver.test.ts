import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { realSeam } from '../../../../src/base/seam.ts';
import { dnsResolver, fileResolver, readMembers, staticResolver } from '../../../../src/exporters/balancing/resolver.ts';
import { createLogger } from '../../../../src/telemetry/log.ts';
import { until } from '../../../support/child.ts';

const directory = mkdtempSync(join(tmpdir(), 'members-'));
afterAll(() => rmSync(directory, { recursive: true }));

function scene() {
  const logged: string[] = [];
  const told: (readonly string[])[] = [];
  const seam = realSeam();
  return { logged, told, tools: { seam, name: 'lb', log: createLogger({ seam, level: 'info', format: 'json', write: (line) => logged.push(line) }) } };
}

test('a list is told once', () => {
  const { told } = scene();
  staticResolver(['b:1', 'a:1']).start((members) => told.push(members));
  expect(told).toEqual([['b:1', 'a:1']]);
});

describe('a file', () => {
  test('has a member a line', () => {
    expect(readMembers('# who\n a:1 \n\n[::1]:4317\r\n10.0.0.1:4317')).toEqual(['a:1', '[::1]:4317', '10.0.0.1:4317']);
    expect(() => readMembers('a:1\nnobody\n')).toThrow('expected a member a line, host:port, each once, got "nobody"');
    expect(() => readMembers('a:1\na:1')).toThrow('got "a:1"');
    expect(() => readMembers('# a:1\n')).toThrow('no member is named');
  });

  test('is read again when it changes, also by another in its place; what cannot be used leaves the members as they are', async () => {
    const { told, tools, logged } = scene();
    const path = join(directory, 'members.txt');
    expect(() => fileResolver(path, tools)).toThrow('ENOENT');
    writeFileSync(path, 'a:1\n');
    const resolver = fileResolver(path, tools);
    resolver.start((members) => told.push(members));
    expect(told).toEqual([['a:1']]);
    writeFileSync(path, 'a:1\nb:1\n');
    await until(() => told.length === 2, 10_000);
    writeFileSync(path, 'a:1\nb\n');
    await until(() => logged.some((line) => line.includes('members_unusable')), 10_000);
    writeFileSync(`${path}.new`, 'c:1\n');
    renameSync(`${path}.new`, path);
    await until(() => told.length === 3, 10_000);
    expect(told.slice(1)).toEqual([['a:1', 'b:1'], ['c:1']]);
    await resolver.stop();
  });
});

describe('a name', () => {
  test('is looked up again and again: addresses of both kinds, in a fixed order, told when they change; failures leave the members', async () => {
    const { told, tools, logged } = scene();
    const answers: (readonly string[] | Error)[] = [['10.0.0.2', 'fd00::1', '10.0.0.1', '10.0.0.2'], ['fd00::1', '10.0.0.1', '10.0.0.2'], new Error('SERVFAIL'), [], ['10.0.0.1']];
    let asked = 0;
    const resolver = dnsResolver({ hostname: 'members.local', port: 4317, intervalMs: 10, addressesOf: async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    } }, tools);
    resolver.start((members) => told.push(members));
    await until(() => asked > 6, 10_000);
    await resolver.stop();
    expect(told).toEqual([['10.0.0.1:4317', '10.0.0.2:4317', '[fd00::1]:4317'], ['10.0.0.1:4317']]);
    expect(logged.filter((line) => line.includes('members_unresolved'))).toHaveLength(2);
    const at = asked;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBe(at);
  });

  test('of this machine is found as the system finds it', async () => {
    const { told, tools } = scene();
    const resolver = dnsResolver({ hostname: 'localhost', port: 1, intervalMs: 1000 }, tools);
    resolver.start((members) => told.push(members));
    await until(() => told.length === 1, 10_000);
    await resolver.stop();
    expect(told[0].some((member) => member === '127.0.0.1:1' || member === '[::1]:1')).toBe(true);
  });
});
