import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { CodedError, messageOf, type StatusName } from './errors.ts';

const statuses: { readonly [code: string]: StatusName } = { ENOENT: 'NOT_FOUND', EACCES: 'PERMISSION_DENIED', EPERM: 'PERMISSION_DENIED' };

/** Opens a file that somebody named. Errors: CodedError `file_unusable`, with the path and what is wrong with it. */
export function openFile(path: string, flags: 'r' | 'w'): number {
  try {
    const file = openSync(path, flags);
    if (flags === 'w' || !fstatSync(file).isDirectory()) return file;
    closeSync(file);
    throw new Error('is a directory');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const what = code === 'ENOENT' && flags === 'r' ? 'no such file' : messageOf(error).replace(/, open '.*$/, '');
    throw new CodedError(statuses[code] ?? 'FAILED_PRECONDITION', 'file_unusable', `${path}: ${what}`, { cause: error });
  }
}

/** A text that is another when the file is replaced, written, or gone: by device and inode, size and times of change. Links are followed. */
export function fileState(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? `${path} gone` : `${path} ${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}
