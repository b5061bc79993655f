import { join } from 'node:path/posix';
import { expect, test } from 'vitest';
import { replaceFile } from '../../../src/storage/replace-file.ts';
import { SideFiles } from '../../../src/storage/side-files.ts';
import { FakeDisk } from '../../support/fake-disk.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

// Guarantees: a disk that is full, or fails, for a while costs no more than that attempt.
test.each([['full', { capacityBytes: 4 }], ['failing', { syncError: 1 }], ['taking part of it', { shortWrite: 1 }]] as const)('a file is replaced once the disk is not %s any more, and is as before until then', async (_what, faults) => {
  const disk = new FakeDisk(1);
  await replaceFile(disk, '/data', 'a', bytesOf('old'));
  Object.assign(disk.faults, faults);
  await replaceFile(disk, '/data', 'a', bytesOf('newer')).catch(() => undefined);
  Object.assign(disk.faults, { capacityBytes: Infinity, syncError: 0, shortWrite: 0 });
  expect(['old', 'newer']).toContain(new TextDecoder().decode(await disk.read(join('/data', 'a'))));
  await replaceFile(disk, '/data', 'a', bytesOf('newest'));
  expect(new TextDecoder().decode(await disk.read(join('/data', 'a')))).toBe('newest');
  expect(await disk.list('/data')).toEqual(['a']);
});

test('a system that writes nothing of what it is given fails, and holds nobody up', async () => {
  const disk = new FakeDisk(1);
  const create = disk.create.bind(disk);
  disk.create = async (path) => ({ ...await create(path), write: () => Promise.resolve(0) });
  const failures: unknown[] = [];
  await new SideFiles(disk, '/data', (error) => failures.push(error)).save('a', [bytesOf('text')]);
  expect(failures.map(String)).toEqual(['Error: the system wrote nothing of what it was given']);
});
