import { messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import type { DeadLetterConfig } from '../config/load.ts';
import type { Signal } from '../otap/payload-type.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { DeadLetterFiles, type Unkept } from './dead-letter-files.ts';
import { lostBatches, type OnGivenUp } from './lost-items.ts';
import { exporterClosed, type FailedExport } from './retry.ts';

export interface DeadLetterTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  /** Whether what is still to be sent at the end is sent after the next start. */
  readonly isDurable: boolean;
}

/** Where an exporter's lost items go. Throws CodedError `file_unusable` where the directory cannot be used. */
export function deadLetters(exporter: string, { directory, bytesMax, keep }: DeadLetterConfig, tools: DeadLetterTools): OnGivenUp {
  const { seam, log, registry } = tools;
  const files = new DeadLetterFiles({
    directory, prefix: exporter.replaceAll(/[^A-Za-z0-9_.]/g, '_'), bytesMax, nowUnixNano: () => seam.nowUnixNano(),
    onBegun: (path) => log.warn('dead_letter_file', `what ${exporter} could not deliver is written to ${path}`, { exporter, path }),
    onFailure: (reason, message) => log.error('dead_letter_unkept', `what ${exporter} could not deliver cannot be kept: ${message}`, { exporter, reason }),
  });
  const unkept = registry.counter(metrics.deadLettersUnkept);
  const count = (signal: Signal, items: number, why: Unkept | 'unreadable' | null): void => {
    if (why === null) registry.counter(metrics.deadLetters).add(items, { signal, exporter });
    else unkept.add(items, { signal, exporter, reason: why });
  };
  return (signal, what, items, result) => {
    if (!isKept(result, keep, tools.isDurable)) return;
    if (what === null) {
      count(signal, items, 'unreadable');
      return;
    }
    try {
      for (const batch of lostBatches(signal, what)) count(signal, batch.rowCount, files.add(batch, result));
    } catch (error) {
      count(signal, items, 'unreadable');
      log.error('dead_letter_unkept', `what ${exporter} could not deliver cannot be kept: ${messageOf(error)}`, { exporter, reason: 'unreadable' });
    }
  };
}

/** Items that a server rejected of a request that it took are not known one by one; what a log on the disk holds is not lost at the end. */
function isKept(result: FailedExport, keep: DeadLetterConfig['keep'], isDurable: boolean): boolean {
  if (result.kind === 'permanent') return result.reason !== 'partial_success';
  return keep === 'all' && !(isDurable && result.reason === exporterClosed);
}
