import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { ChangingFiles } from '../../../src/security/changing-files.ts';
import { TestFiles } from '../../support/certificates.ts';

const files = new TestFiles();
afterAll(() => files.remove());

/** Two files whose contents must begin with the same letter to be used together, as a certificate and its key. */
function opened(name: string) {
  const paths = [files.write(`${name}.1`, 'a1'), files.write(`${name}.2`, 'a2')];
  const seam = seededSeam(1);
  const changes: string[] = [];
  const failures: string[] = [];
  const watched = new ChangingFiles<string>({
    seam, paths, onChange: (value) => changes.push(value), onFailure: (error) => failures.push(String(error)),
    read: ([first, second]) => {
      if (first[0] !== second[0]) throw new Error('do not belong together');
      return `${first.toString()} ${second.toString()}`;
    },
  });
  return { watched, seam, changes, failures, paths };
}

describe('files that change', () => {
  test('are read again when they do, and looked at once a second at most', () => {
    const { watched, seam, changes, failures, paths } = opened('plain');
    expect(watched.value).toBe('a1 a2');
    writeFileSync(paths[0], 'a3 longer');
    seam.advanceMs(999);
    expect(watched.value).toBe('a1 a2');
    seam.advanceMs(1);
    expect(watched.value).toBe('a3 longer a2');
    seam.advanceMs(5000);
    expect([watched.value, changes, failures]).toEqual(['a3 longer a2', ['a3 longer a2'], []]);
  });

  test('that cannot be used leave the old value, are told of once, and are used when they can be', () => {
    const { watched, seam, changes, failures, paths } = opened('pair');
    writeFileSync(paths[0], 'b one');
    for (let i = 0; i < 3; i++) {
      seam.advanceMs(2000);
      expect(watched.value).toBe('a1 a2');
    }
    expect(failures).toEqual(['Error: do not belong together']);
    writeFileSync(paths[1], 'b two');
    seam.advanceMs(2000);
    expect([watched.value, changes]).toEqual(['b one b two', ['b one b two']]);
    rmSync(paths[1]);
    seam.advanceMs(2000);
    expect(watched.value).toBe('b one b two');
    expect(failures[1]).toContain('ENOENT');
    writeFileSync(paths[1], 'x'.repeat(2 ** 20 + 1));
    watched.look();
    expect(failures[2]).toContain('more than the 1048576 that are read');
  });

  test('that could not be read for a moment are read when they can be, without another change', () => {
    const seam = seededSeam(1);
    let isWell = true;
    const failures: string[] = [];
    const path = files.write('flaky', 'one');
    const watched = new ChangingFiles({
      seam, paths: [path], onChange: () => {}, onFailure: (error) => failures.push(String(error)),
      read: ([content]) => {
        if (!isWell) throw new Error('EMFILE');
        return content.toString();
      },
    });
    isWell = false;
    writeFileSync(path, 'another');
    for (let i = 0; i < 3; i++) {
      seam.advanceMs(1000);
      expect(watched.value).toBe('one');
    }
    isWell = true;
    seam.advanceMs(1000);
    expect([watched.value, failures]).toEqual(['another', ['Error: EMFILE']]);
  });

  test('of the same size and name behind a link that is moved, as Kubernetes mounts secrets, are seen', () => {
    const [first, second] = [files.write('first', 'one'), files.write('second', 'two')];
    const link = join(files.directory, 'link');
    symlinkSync(first, link);
    const seam = seededSeam(1);
    const watched = new ChangingFiles({ seam, paths: [link], read: ([content]) => content.toString(), onChange: () => {}, onFailure: () => {} });
    symlinkSync(second, `${link}.new`);
    renameSync(`${link}.new`, link);
    expect(watched.value).toBe('one');
    seam.advanceMs(1000);
    expect(watched.value).toBe('two');
  });

  test('must be there at the start', () => {
    expect(() => new ChangingFiles({ seam: seededSeam(1), paths: [join(files.directory, 'none')], read: () => 1, onChange: () => {}, onFailure: () => {} })).toThrow('ENOENT');
  });
});
