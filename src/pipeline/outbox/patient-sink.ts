import type { OutputBatch } from '../../otap/take/output-batch.ts';
import type { SplicedItems } from '../../otlp/splice/spliced-items.ts';
import type { BatchSink } from '../sink.ts';
import { noneTaken, type TakenOfLot } from './lot.ts';

/** How long a push may wait for room: calls `work` with a signal that is aborted then. */
export type Patience = (work: (until: AbortSignal) => Promise<boolean>) => Promise<boolean>;

/** A sink before which nobody waits for ever: from the first batch of a lot on that it does not take in time, it gets no more of the lot, and it is known how far it got. */
export class PatientSink implements BatchSink {
  readonly name: string;
  readonly pushSpliced?: (items: SplicedItems) => Promise<void>;
  readonly #sink: BatchSink;
  readonly #patience: Patience;
  #gets: 'all' | 'patiently' | 'none' = 'none';
  #isBehind = false;
  #tables = 0;
  #spliced = 0;

  constructor(sink: BatchSink, patience: Patience) {
    this.name = sink.name;
    this.#sink = sink;
    this.#patience = patience;
    const { pushSpliced, offerSpliced } = sink;
    if (pushSpliced !== undefined) {
      this.pushSpliced = async (items) => {
        const offer = offerSpliced === undefined ? null : (until: AbortSignal) => offerSpliced.call(sink, items, until);
        if (await this.#taken(() => pushSpliced.call(sink, items), offer)) this.#spliced += items.rowCount;
      };
    }
  }

  get queuedBytes(): number {
    return this.#sink.queuedBytes;
  }

  /** What is pushed from here on is of one lot; `gets`: whether the sink gets all of it, however long that takes, or as much as it takes in time, or nothing. */
  begin(gets: 'all' | 'patiently' | 'none'): void {
    this.#gets = gets;
    this.#isBehind = gets === 'none';
    [this.#tables, this.#spliced] = [0, 0];
  }

  /** After the last push of a lot: what the sink took, where it did not take all; null where it did. `isCounted`: rows of one form came by one way, so that numbers tell which. */
  end(isCounted: boolean): TakenOfLot | null {
    if (!this.#isBehind) return null;
    return isCounted ? { tables: this.#tables, spliced: this.#spliced } : noneTaken;
  }

  async push(batch: OutputBatch): Promise<void> {
    const offer = this.#sink.offer === undefined ? null : (until: AbortSignal) => this.#sink.offer?.(batch, until) ?? Promise.resolve(false);
    if (await this.#taken(() => this.#sink.push(batch), offer)) this.#tables += batch.rowCount;
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  async #taken(push: () => Promise<void>, offer: ((until: AbortSignal) => Promise<boolean>) | null): Promise<boolean> {
    if (this.#isBehind) return false;
    if (this.#gets === 'all' || offer === null) {
      await push();
      return true;
    }
    const isTaken = await this.#patience(offer);
    if (!isTaken) this.#isBehind = true;
    return isTaken;
  }
}
