import type { OtapBatch } from '../otap/batch.ts';
import type { Signal } from '../otap/payload-type.ts';
import { OutputBatchBuilder } from '../otap/take/builder.ts';
import { type ItemStamps, sliceStamps } from '../otap/take/item-stamps.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import { OtlpBatch } from '../otlp/decode/otlp-batch.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';
import { Splicer } from '../otlp/splice/splicer.ts';
import { FanOut, type OnLost } from './fan-out.ts';
import type { BatchSink } from './sink.ts';

/** Gathers rows of batches in one form, for the sinks that take it. */
export interface Gatherer {
  /** Takes rows of a batch; waits while its sinks are full. */
  add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void>;
  /** Hands over what has been gathered, however little. */
  flush(): Promise<void>;
}

export interface GathererOptions {
  readonly signal: Signal;
  readonly rowsMax: number;
  readonly onLost: OnLost;
  readonly hashSeed: number;
}

/** Bytes of values that are gathered before they go on: a batch of few rows may have large ones, which lay compressed in their window. */
const valueBytesMax = 32 << 20;

/** Gathers rows of batches of any form as tables. */
export class TableGatherer implements Gatherer {
  readonly #builder: OutputBatchBuilder;
  readonly #rowsMax: number;
  readonly #sinks: FanOut<OutputBatch>;
  /** What the builder keeps of batches before. */
  #valueBytesBefore = 0;

  constructor(sinks: readonly BatchSink[], { signal, rowsMax, onLost, hashSeed }: GathererOptions) {
    this.#builder = new OutputBatchBuilder(signal, rowsMax, hashSeed);
    this.#rowsMax = rowsMax;
    this.#sinks = new FanOut(sinks, (sink, batch) => sink.push(batch), onLost);
  }

  async add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void> {
    for (let from = 0; from < rows.length; ) {
      const to = Math.min(rows.length, from + this.#rowsMax - this.#builder.rowCount);
      this.#builder.append(batch, rows.subarray(from, to), stamps === null ? null : sliceStamps(stamps, from, to));
      if (this.#isFull) await this.flush();
      from = to;
    }
  }

  async flush(): Promise<void> {
    if (this.#builder.rowCount === 0) return;
    const batch = this.#builder.finish();
    this.#valueBytesBefore = this.#builder.valueBytes;
    await this.#sinks.push(batch);
  }

  get #isFull(): boolean {
    return this.#builder.rowCount >= this.#rowsMax || this.#builder.valueBytes - this.#valueBytesBefore >= valueBytesMax;
  }
}

/** What is gathered of OTLP before it goes on: about what a request may be long. */
const spliceBytesMax = 4_000_000;
/** Rows that are taken before the bytes so far are looked at. */
const spliceRowsStep = 256;

/** Gathers rows of OTLP requests as the messages that they are. */
export class SpliceGatherer implements Gatherer {
  readonly #splicer: Splicer;
  readonly #rowsMax: number;
  readonly #sinks: FanOut<SplicedItems>;

  constructor(sinks: readonly BatchSink[], { signal, rowsMax, onLost, hashSeed }: GathererOptions) {
    this.#splicer = new Splicer(signal, hashSeed);
    this.#rowsMax = rowsMax;
    this.#sinks = new FanOut(sinks, (sink, items) => sink.pushSpliced?.(items), onLost);
  }

  async add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void> {
    if (!(batch instanceof OtlpBatch)) throw new TypeError('only OTLP is spliced');
    for (let from = 0; from < rows.length; ) {
      const to = Math.min(rows.length, from + spliceRowsStep, from + this.#rowsMax - this.#splicer.rowCount);
      this.#splicer.append(batch, rows.subarray(from, to), stamps === null ? null : sliceStamps(stamps, from, to));
      if (this.#splicer.rowCount >= this.#rowsMax || this.#splicer.byteLength >= spliceBytesMax) await this.flush();
      from = to;
    }
  }

  async flush(): Promise<void> {
    if (this.#splicer.rowCount > 0) await this.#sinks.push(this.#splicer.finish());
  }
}

/** Ends when all have ended, since they read one batch; then it throws what the first of them threw. */
export async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Hands OTLP to sinks that take it as it is, and everything else, to all, as tables; none waits for another's sinks. */
class EitherGatherer implements Gatherer {
  readonly #otlp: readonly Gatherer[];
  readonly #others: Gatherer;

  constructor(otlp: readonly Gatherer[], others: Gatherer) {
    this.#otlp = otlp;
    this.#others = others;
  }

  async add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void> {
    await allOf((batch instanceof OtlpBatch ? this.#otlp : [this.#others]).map((gatherer) => gatherer.add(batch, rows, stamps)));
  }

  async flush(): Promise<void> {
    await allOf([...this.#otlp, this.#others].map((gatherer) => gatherer.flush()));
  }
}

/** What gathers for these sinks, each row once for each of them. */
export function gathererFor(sinks: readonly BatchSink[], options: GathererOptions): Gatherer {
  const splicing = sinks.filter((sink) => sink.pushSpliced !== undefined);
  if (splicing.length === 0) return new TableGatherer(sinks, options);
  const reading = sinks.filter((sink) => sink.pushSpliced === undefined);
  const otlp: Gatherer[] = [new SpliceGatherer(splicing, options)];
  if (reading.length > 0) otlp.push(new TableGatherer(reading, options));
  return new EitherGatherer(otlp, new TableGatherer(sinks, options));
}
