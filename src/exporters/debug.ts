import type { Signal } from '../otap/payload-type.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { BatchSink } from '../pipeline/sink.ts';
import type { Logger } from '../telemetry/log.ts';

/** Counts what it gets and logs a line a batch; for trying policies out. */
export class DebugExporter implements BatchSink {
  readonly name: string;
  readonly queuedBytes = 0;
  readonly #log: Logger;
  readonly #onExported: (signal: Signal, items: number) => void;

  constructor(name: string, log: Logger, onExported: (signal: Signal, items: number) => void) {
    this.name = name;
    this.#log = log;
    this.#onExported = onExported;
  }

  async push(batch: OutputBatch): Promise<void> {
    this.#log.info('debug_exporter', `${batch.rowCount} ${batch.signal} items kept`, { signal: batch.signal, items: batch.rowCount });
    this.#onExported(batch.signal, batch.rowCount);
  }

  async drain(): Promise<void> {}
}
