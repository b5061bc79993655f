import { messageOf } from '../base/errors.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';
import { type Gatherer, gathererFor, type GathererOptions } from './gatherers.ts';
import { type BatchSink, delivered, type PushResult } from './sink.ts';

/** What goes together: rows of one delivery, or of several that waited for others to be acknowledged. */
interface Load {
  /** What comes of each push. */
  readonly results: Promise<PushResult>[];
  readonly isPushed: PromiseWithResolvers<void>;
}

/** So many loads are under way before further deliveries wait and go together. */
const underWayMax = 2;

/**
 * Takes rows of batches to one sink and tells what came of them at the next hop. They go at once; only while others are not acknowledged yet do they gather, so
 * that under load requests are few and large (as segments do by RFC 896).
 */
export class SinkDelivery {
  readonly #gatherer: Gatherer;
  #turn: Promise<void> = Promise.resolve();
  #load: Load = newLoad();
  #isLoaded = false;
  #underWay = 0;

  constructor(sink: BatchSink, options: Omit<GathererOptions, 'onLost'>) {
    this.#gatherer = gathererFor([this.#told(sink)], { ...options, onLost: (_sink, _rows, error) => {
      this.#load.results.push(Promise.resolve({ kind: 'permanent', reason: 'not_taken', message: messageOf(error) }));
    } });
  }

  /**
   * Resolves when all of these rows are acknowledged, refused or given up; with what came of them and of what went with them, the worst of it. Waits
   * while the sink's queue is full. Never rejects.
   */
  async deliver(batch: OtapBatch, rows: Uint32Array): Promise<PushResult> {
    let load = this.#load;
    const unreadable: PushResult[] = [];
    await this.#inTurn(async () => {
      load = this.#load;
      this.#isLoaded = true;
      await this.#gatherer.add(batch, rows, null).catch((error: unknown) => {
        unreadable.push({ kind: 'permanent', reason: 'unreadable', message: messageOf(error) });
      });
    });
    if (this.#underWay < underWayMax) await this.#send();
    await load.isPushed.promise;
    return worstOf([...unreadable, ...await Promise.all(load.results)]);
  }

  /** Hands over what has been gathered; what came of it lets the next load go. */
  #send(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isLoaded) return;
      const load = this.#load;
      this.#underWay++;
      await this.#gatherer.flush();
      this.#load = newLoad();
      this.#isLoaded = false;
      load.isPushed.resolve();
      void Promise.all(load.results).then(() => {
        this.#underWay--;
        return this.#send();
      });
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }

  /** The sink, of whose pushes it is kept what came of each. */
  #told(sink: BatchSink): BatchSink {
    const { pushSpliced } = sink;
    return {
      name: sink.name, queuedBytes: 0, drain: () => Promise.resolve(),
      push: (batch) => this.#push(sink, batch, (each, onSettled) => sink.push(each, onSettled)),
      ...(pushSpliced === undefined ? {} : { pushSpliced: (items: SplicedItems) => this.#push(sink, items, (each, onSettled) => pushSpliced.call(sink, each, onSettled)) }),
    };
  }

  /** Where `push` delivers, nobody is told later. */
  async #push<B extends OutputBatch | SplicedItems>(sink: BatchSink, batch: B, push: (batch: B, onSettled: (result: PushResult) => void) => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<PushResult>();
    await push(batch, resolve);
    this.#load.results.push(sink.delivered === undefined ? Promise.resolve(delivered) : promise);
  }
}

function newLoad(): Load {
  return { results: [], isPushed: Promise.withResolvers<void>() };
}

/** Refused for good is worse than given up for now. */
export function worstOf(results: readonly PushResult[]): PushResult {
  return results.find(({ kind }) => kind === 'permanent') ?? results.find(({ kind }) => kind === 'retryable') ?? delivered;
}
