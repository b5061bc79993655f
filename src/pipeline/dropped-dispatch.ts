import { ArenaPool } from '../otap/ipc/buffer-source.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { BodyReader, type PartWithBody } from './body-reader.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { RowsOfBatch } from './dropped-rows.ts';
import type { ProcessorObserver } from './processor-options.ts';

/** Reads dropped rows out of their batches and hands them on as they came, without a stamp; there is one only where somebody wants them. */
export class DroppedDispatch {
  readonly #signal: SampledSignal;
  readonly #dispatcher: Dispatcher;
  readonly #observer: Pick<ProcessorObserver, 'unreadable' | 'droppedRouted'>;
  readonly #arenas = new ArenaPool();

  constructor(signal: SampledSignal, dispatcher: Dispatcher, observer: Pick<ProcessorObserver, 'unreadable' | 'droppedRouted'>) {
    this.#signal = signal;
    this.#dispatcher = dispatcher;
    this.#observer = observer;
  }

  /** Resolves when all rows are with their sinks; a batch that cannot be read loses its own rows only. Its batches must be held until then. */
  async dispatch(dropped: Iterable<RowsOfBatch>): Promise<void> {
    let rows = 0;
    const bodies = new BodyReader(dropped);
    for (let next = bodies.next(); next !== null; next = bodies.next()) if (await this.#dispatchPart(next)) rows += next.part.rows.length;
    await this.#dispatcher.flush();
    if (rows > 0) this.#observer.droppedRouted(this.#signal, rows);
  }

  flush(): Promise<void> {
    return this.#dispatcher.flush();
  }

  async #dispatchPart({ part: { batch, rows }, bytes }: PartWithBody<RowsOfBatch>): Promise<boolean> {
    const arena = this.#arenas.acquire();
    try {
      await this.#dispatcher.add(batch.open(arena, rows, bytes instanceof Uint8Array ? bytes : await bytes), rows, null);
      return true;
    } catch (error) {
      this.#observer.unreadable(this.#signal, rows.length, error);
      return false;
    } finally {
      this.#arenas.release(arena);
    }
  }
}
