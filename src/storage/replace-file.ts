import { join } from 'node:path/posix';
import type { Disk, DiskFile } from './disk.ts';

/** Replaces a file of a directory, or makes it; after a crash it is either as before or as it is now. What an earlier attempt left beside it is removed. */
export async function replaceFile(disk: Disk, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = join(directory, name);
  if ((await disk.list(directory)).includes(`${name}.new`)) await disk.remove(`${path}.new`);
  const file = await disk.create(`${path}.new`);
  await writeAll(file, bytes, 0).then(() => file.sync()).finally(() => file.close());
  await disk.rename(`${path}.new`, path);
  await disk.syncDirectory(directory);
}

/** Writes all bytes at `from`, however few the system takes at a time. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, from: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const count = await file.write(bytes.subarray(done), from + done);
    if (count <= 0) throw new Error('the system wrote nothing of what it was given');
    done += count;
  }
}
