import { formatBytes } from '../../base/units.ts';
import type { Seam } from '../../base/seam.ts';
import type { ThresherConfig } from '../../config/load.ts';
import { nodeDisk } from '../../storage/node-disk.ts';
import { metrics } from '../../telemetry/declared.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { MetricRegistry } from '../../telemetry/metrics.ts';
import { registerStorageMetrics } from '../storage-metrics.ts';
import { Journal, type JournalObserver } from './journal.ts';

export interface JournalTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
}

/** The journal that a configuration asks for; null with durability none. */
export function openJournal({ durability, storage }: Pick<ThresherConfig, 'durability' | 'storage'>, horizonMs: number, tools: JournalTools): Journal | null {
  if (durability === 'none') return null;
  const { directory, limitBytes, segmentBytes, syncIntervalMs, onError, onCorrupt } = storage;
  const journal = new Journal({
    disk: nodeDisk, directory, mode: durability, syncIntervalMs, limitBytes, segmentBytes, onError, onCorrupt, horizonMs, seam: tools.seam, observer: journalObserver(tools, onError),
  });
  registerStorageMetrics(tools.registry, journal, limitBytes);
  return journal;
}

function journalObserver({ log, registry }: JournalTools, onError: 'refuse' | 'memory'): JournalObserver {
  return {
    state: (failure) => {
      if (failure === null) {
        log.info('storage_works', 'the log is written again');
        return;
      }
      registry.counter(metrics.storageFailures).add(1, { reason: failure.reason });
      log.error(failure.reason, `${failure.message}; ${onError === 'refuse' ? 'new data is refused' : 'new data is held in memory alone, and lost with the process'}`);
    },
    unlogged: () => {
      registry.counter(metrics.decisionsUnlogged).add(1);
      log.warn('decision_unlogged', 'what a window kept leaves without its decision in the log, which cannot be written; after a crash it may be decided again');
    },
    damaged: ({ segment, at, bytes, isTail }) => {
      registry.counter(metrics.storageDamagedBytes).add(bytes, { kind: isTail ? 'tail' : 'record' });
      if (isTail) log.info('storage_tail', `${segment}: its last ${bytes} bytes were being written when the process ended, and were not acknowledged`, { segment, at, bytes });
      else log.error('storage_damaged', `${segment}: ${bytes} bytes at ${at} are damaged; what they held is lost`, { segment, at, bytes });
    },
    unreadable: (message) => log.error('storage_unreadable', `batches of the log cannot be read back: ${message}`),
    recovered: ({ segments, bytes, batches, items, windowsDecided, windowsSentAgain, batchesLost, ms }) => {
      registry.counter(metrics.recoveredItems).add(items);
      registry.gauge(metrics.recoverySeconds).set(ms / 1000);
      log.info('recovered', segments === 0 ? 'the log is empty' : `read ${formatBytes(bytes)} of the log back in ${Math.round(ms)} ms`, {
        segments, batches, items, windows_decided: windowsDecided, windows_sent_again: windowsSentAgain, ...(batchesLost === 0 ? {} : { batches_lost: batchesLost }),
      });
    },
  };
}
