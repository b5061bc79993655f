import type { Seam } from '../../base/seam.ts';
import type { Signal } from '../../otap/payload-type.ts';
import type { OutputBatch } from '../../otap/take/output-batch.ts';
import { signalMessages } from '../../otlp/encode/messages.ts';
import type { BatchSink } from '../../pipeline/sink.ts';
import type { Logger } from '../../telemetry/log.ts';
import { detailedText } from './detailed.ts';
import { requestOf } from './json.ts';
import { normalText } from './normal.ts';

export interface DebugOptions {
  /** Name in the configuration. */
  readonly name: string;
  readonly verbosity: 'basic' | 'normal' | 'detailed';
  /** Items printed in a second at most. */
  readonly itemsMax: number;
  readonly seam: Seam;
  readonly log: Logger;
  /** Prints a text; false where it had no room for it, as where nobody reads a pipe. */
  readonly print: (text: string) => boolean;
  readonly onExported: (signal: Signal, items: number) => void;
  readonly onUnprinted: (items: number) => void;
}

/** Logs a line a batch, and as `verbosity` says prints its items; for trying policies out. What is beyond its rate is counted, not printed. */
export class DebugExporter implements BatchSink {
  readonly name: string;
  readonly queuedBytes = 0;
  readonly #options: DebugOptions;
  #secondStartMs = -Infinity;
  #printed = 0;
  #unprinted = 0;

  constructor(options: DebugOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async push(batch: OutputBatch): Promise<void> {
    const { log, verbosity, onExported } = this.#options;
    log.info('debug_exporter', `${batch.rowCount} ${batch.signal} items`, { exporter: this.name, signal: batch.signal, items: batch.rowCount });
    if (verbosity !== 'basic') this.#print(batch, verbosity);
    onExported(batch.signal, batch.rowCount);
  }

  async drain(): Promise<void> {}

  #print(batch: OutputBatch, verbosity: 'normal' | 'detailed'): void {
    const items = Math.min(batch.rowCount, this.#room());
    if (items > 0) {
      const request = requestOf(batch, items);
      const names = signalMessages[batch.signal];
      const missing = this.#unprinted === 0 ? '' : `(${this.#unprinted} items were not printed: items_max is ${this.#options.itemsMax} a second)\n`;
      if (this.#options.print(missing + (verbosity === 'normal' ? normalText(request, names) : detailedText(request, names)))) {
        this.#printed += items;
        this.#unprinted = 0;
        this.#leaveOut(batch.rowCount - items);
        return;
      }
    }
    this.#leaveOut(batch.rowCount);
  }

  #leaveOut(items: number): void {
    if (items === 0) return;
    this.#unprinted += items;
    this.#options.onUnprinted(items);
  }

  /** How many items may still be printed in this second. */
  #room(): number {
    const nowMs = this.#options.seam.monotonicMs();
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#printed = 0;
    }
    return this.#options.itemsMax - this.#printed;
  }
}

/** What may wait to be written where a reader is slow. */
const waitingBytesMax = 2 ** 20;

/** Prints to a stream, as long as somebody reads it. */
export function printTo(stream: { readonly writableLength: number; write(text: string): unknown }): DebugOptions['print'] {
  return (text) => {
    if (stream.writableLength > waitingBytesMax) return false;
    stream.write(text);
    return true;
  };
}
