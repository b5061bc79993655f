import { join } from 'node:path/posix';
import type { ThresherConfig } from '../config/load.ts';
import { nodeDisk } from '../storage/node-disk.ts';
import { lockDirectory } from '../storage/directory-lock.ts';
import { metrics } from '../telemetry/declared.ts';
import { JournalBodies } from './journal/journal-bodies.ts';
import type { Journal } from './journal/journal.ts';
import type { JournalTools } from './journal/open-journal.ts';
import { RetainedFiles } from './retained-files.ts';
import type { RetainedStore } from './retained-store.ts';
import { registerStorageMetrics, type Stored } from './storage-metrics.ts';

/** Where batches leave memory to, as a configuration asks for. */
export interface OpenRetained {
  readonly store: RetainedStore;
  /** Files of its own; null where the journal's serve. */
  readonly files: Stored | null;
  /** Never rejects. */
  close(): Promise<void>;
}

/** Null with `memory.retain: memory`. Throws FAILED_PRECONDITION `directory_in_use`, and what the disk throws. */
export async function openRetained({ memory, storage }: Pick<ThresherConfig, 'memory' | 'storage'>, journal: Journal | null, { seam, log, registry }: JournalTools): Promise<OpenRetained | null> {
  if (memory.retain === 'memory') return null;
  if (journal !== null) return { store: new JournalBodies(journal), files: null, close: async () => {} };
  const { directory, limitBytes, segmentBytes, onError } = storage;
  const unlock = await lockDirectory(directory);
  const files = await RetainedFiles.open({
    disk: nodeDisk, directory: join(directory, 'retained'), limitBytes, segmentBytes, onError, seam,
    onState: (failure) => {
      if (failure === null) {
        log.info('storage_works', 'batches go to the disk again');
        return;
      }
      registry.counter(metrics.storageFailures).add(1, { reason: failure.reason });
      log.error(failure.reason, `${failure.message}; ${onError === 'refuse' ? 'new data is refused' : 'new data is held in memory'}`);
    },
  });
  registerStorageMetrics(registry, files, limitBytes);
  const close = async (): Promise<void> => {
    await files.close();
    await unlock();
  };
  return { store: files, files, close };
}
