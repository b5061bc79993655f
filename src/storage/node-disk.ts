import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import type { Disk, DiskFile, DiskReading } from './disk.ts';

/** The real file system. Files are the user's alone: telemetry may hold what is nobody else's business. */
export const nodeDisk: Disk = {
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => readdir(path),
  create: createFile,
  read: (path) => readFile(path),
  open: openFile,
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

async function openFile(path: string): Promise<DiskReading> {
  const file = await open(path, 'r');
  return {
    read: async (into, at) => {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await file.read(into, done, into.length - done, at + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    close: () => file.close(),
  };
}
