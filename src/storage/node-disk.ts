import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import type { Disk, DiskFile } from './disk.ts';

/** The real file system. Files are the user's alone: telemetry may hold what is nobody else's business. */
export const nodeDisk: Disk = {
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => readdir(path),
  create: createFile,
  read: (path) => readFile(path),
  size: async (path) => (await stat(path)).size,
  rename,
  remove: (path) => rm(path),
  syncDirectory: async (path) => {
    const directory = await open(path, 'r');
    await directory.sync().finally(() => directory.close());
  },
  freeBytes: async (path) => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

async function createFile(path: string): Promise<DiskFile> {
  const file = await open(path, 'wx', 0o600);
  return {
    write: async (bytes, at) => (await file.write(bytes, 0, bytes.length, at)).bytesWritten,
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}
