import { deferred } from '../../src/base/deferred.ts';
import { OtlpQueuedSink, type QueuedExporter, QueuedSink } from '../../src/exporters/queued-sink.ts';
import { exporterClosed, type ExportResult } from '../../src/exporters/retry.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import type { OutputBatch } from '../../src/otap/take/output-batch.ts';
import { RequestEncoder } from '../../src/otlp/encode/requests.ts';
import type { SplicedItems } from '../../src/otlp/splice/spliced-items.ts';
import { itemsOf } from '../golden/kept-support.ts';
import { parseOtlp } from './otlp-truth.ts';

/** A next hop that may be away: what is sent to it meanwhile is not acknowledged. */
export class SlowHop implements QueuedExporter<OutputBatch | SplicedItems> {
  /** Of each span, by trace and span id, the tracestates that it came with, one each time. */
  readonly received = new Map<string, string[]>();
  readonly #encoder = new RequestEncoder('proto', 4_000_000);
  #back = deferred<void>();
  #isAway = false;

  leave(): void {
    this.#isAway = true;
    this.#back = deferred<void>();
  }

  comeBack(): void {
    this.#isAway = false;
    this.#back.resolve();
  }

  async export(signal: Signal, batch: OutputBatch | SplicedItems): Promise<ExportResult> {
    if (this.#isAway) await this.#back.promise;
    for (const { bytes } of this.#encoder.each(batch)) {
      if (bytes === null) continue;
      for (const { traceId, spanId, traceState } of itemsOf(parseOtlp(signal, bytes))) {
        const key = `${String(traceId)}/${String(spanId)}`;
        this.received.set(key, [...this.received.get(key) ?? [], String(traceState ?? '')]);
      }
    }
    return { kind: 'ok' };
  }

  async close(): Promise<void> {}

  get duplicates(): number {
    return [...this.received.values()].reduce((sum, states) => sum + states.length - 1, 0);
  }

  get twoStates(): number {
    return [...this.received.values()].filter((states) => new Set(states).size > 1).length;
  }
}

/** A hop behind its queue, and what was told to be lost on the way. */
export function queueTo(hop: SlowHop, bytesMax: number, form: 'otlp' | 'tables', name: string = form): { readonly sink: QueuedSink; readonly lost: string[] } {
  const lost: string[] = [];
  const options = {
    name, bytesMax, onFull: 'wait' as const, onDropped: (_signal: Signal, items: number) => lost.push(`${items} dropped`),
    onResult: (_signal: Signal, items: number, result: ExportResult) => void (result.kind === 'ok' || result.reason === exporterClosed || lost.push(`${items} ${result.reason}: ${result.message}`)),
  };
  return { sink: form === 'otlp' ? new OtlpQueuedSink(hop, options) : new QueuedSink(hop, options), lost };
}
