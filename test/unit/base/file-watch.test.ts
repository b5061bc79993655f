import { appendFileSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileWatch } from '../../../src/base/file-watch.ts';
import { realSeam } from '../../../src/base/seam.ts';

/**
 * Scenario: SQL files of a directory are edited, replaced, added and removed, as editors, copies and mounted volumes do it.
 * Guarantees: each change is told of, with events and without; files that are still being written are waited for; none after `stop`.
 */
let directory = '';
const watches: FileWatch[] = [];
const path = (name: string): string => join(directory, name);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'watch-'));
  writeFileSync(path('a.sql'), 'one');
});

afterEach(async () => {
  await Promise.all(watches.splice(0).map((watch) => watch.stop()));
  rmSync(directory, { recursive: true, force: true });
});

/** Watches the directory's SQL files; counts changes beside the first look. */
async function watching(how: 'events' | 'looks', settleMs = 20): Promise<{ readonly changes: () => number; readonly until: (count: number) => Promise<void>; readonly watch: FileWatch }> {
  let calls = 0;
  const watch = new FileWatch({
    seam: realSeam(), find: () => globSync(path('*.sql')).sort(), directories: () => (how === 'events' ? [directory] : []),
    onChange: async () => { calls++; }, pollMs: how === 'events' ? 600_000 : 15, settleMs,
  });
  watches.push(watch);
  watch.start();
  const until = async (count: number): Promise<void> => {
    for (let i = 0; calls - 1 < count && i < 300; i++) await pause(10);
    expect(calls - 1).toBe(count);
  };
  await until(0);
  return { changes: () => calls - 1, until, watch };
}

describe.each(['events', 'looks'] as const)('by %s', (how) => {
  test('a file is edited, replaced, added, removed; nothing is told twice', async () => {
    const { changes, until } = await watching(how);
    writeFileSync(path('a.sql'), 'two');
    await until(1);
    writeFileSync(path('other'), 'three');
    renameSync(path('other'), path('a.sql'));
    await until(2);
    writeFileSync(path('b.sql'), 'new');
    await until(3);
    rmSync(path('a.sql'));
    await until(4);
    await pause(150);
    expect(changes()).toBe(4);
  });

  test('a file of the same size and a link to another directory, as a mounted volume is replaced', async () => {
    mkdirSync(path('v1'));
    mkdirSync(path('v2'));
    writeFileSync(path('v1/c.sql'), 'old');
    writeFileSync(path('v2/c.sql'), 'new');
    symlinkSync('v1', path('data'));
    symlinkSync('data/c.sql', path('c.sql'));
    const { until } = await watching(how);
    symlinkSync('v2', path('data.new'));
    renameSync(path('data.new'), path('data'));
    await until(1);
  });

  test('a file that is still being written is waited for', async () => {
    const { changes, until } = await watching(how, 400);
    for (let i = 0; i < 8; i++) {
      appendFileSync(path('a.sql'), `${i}`);
      await pause(30);
      expect(changes()).toBe(0);
    }
    await until(1);
    await pause(250);
    expect(changes()).toBe(1);
  });
});

test('a directory that is not there, or goes and comes again', async () => {
  let calls = 0;
  const find = (): string[] => {
    const found = globSync(path('sub/*.sql'));
    if (found.length === 0) throw new Error('no such file');
    return found;
  };
  const watch = new FileWatch({ seam: realSeam(), find, directories: () => [path('sub')], onChange: async () => { calls++; }, pollMs: 20, settleMs: 5 });
  watches.push(watch);
  watch.start();
  const until = async (count: number): Promise<void> => {
    for (let i = 0; calls < count && i < 300; i++) await pause(10);
    expect(calls).toBe(count);
  };
  await until(1);
  mkdirSync(path('sub'));
  writeFileSync(path('sub/a.sql'), 'x');
  await until(2);
  rmSync(path('sub'), { recursive: true });
  await until(3);
  mkdirSync(path('sub'));
  writeFileSync(path('sub/a.sql'), 'y');
  await until(4);
});

test('after stop nothing is told, and stopping waits for what runs', async () => {
  let ended = 0;
  const watch = new FileWatch({
    seam: realSeam(), find: () => [path('a.sql')], directories: () => [directory], pollMs: 10, settleMs: 5,
    onChange: async () => {
      await pause(80);
      ended++;
    },
  });
  watch.start();
  await pause(20);
  await watch.stop();
  expect(ended).toBe(1);
  writeFileSync(path('a.sql'), 'later');
  await pause(100);
  expect(ended).toBe(1);
});
