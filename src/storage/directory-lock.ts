import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { CodedError } from '../base/errors.ts';

/**
 * Keeps other processes of this machine off a directory, which is made where it is not there, until the process ends, however it ends: an abstract socket
 * of Linux bears its name. Elsewhere nothing is locked. Processes in other network namespaces (containers) are not seen. Throws FAILED_PRECONDITION
 * `directory_in_use`. Returns how to let go of it.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (process.platform !== 'linux') return async () => {};
  const name = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(inUse(directory, error)));
    server.listen(`\0thresher-${name}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function inUse(directory: string, cause: Error): CodedError {
  return new CodedError('FAILED_PRECONDITION', 'directory_in_use', `${directory} is in use by another process: each needs a storage.directory of its own`, { cause });
}
