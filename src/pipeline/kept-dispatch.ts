import { ArenaPool } from '../otap/ipc/buffer-source.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { TracestateCache } from '../sampling/stamp.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { BodyReader, type PartWithBody } from './body-reader.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { KeptMarks } from './dropped-rows.ts';
import type { KeepReasons } from './keep-reasons.ts';
import type { KeptRows } from './kept-rows.ts';
import type { ProcessorObserver } from './processor-options.ts';
import { noStamps, type StampCounts, stampKept } from './stamp-rows.ts';

/** Reads kept rows out of their batches, stamps them and hands them on; a batch that cannot be read loses its own rows only. */
export class KeptDispatch {
  readonly #signal: SampledSignal;
  readonly #dispatcher: Pick<Dispatcher, 'add'>;
  readonly #hash: KeyedHash;
  readonly #reasons: KeepReasons | null;
  readonly #observer: Pick<ProcessorObserver, 'unreadable'>;
  readonly #tracestates = new TracestateCache();
  readonly #arenas = new ArenaPool();

  /** `reasons`: where the rows' reasons are written; null where they are not. */
  constructor(signal: SampledSignal, dispatcher: Pick<Dispatcher, 'add'>, hash: KeyedHash, reasons: KeepReasons | null, observer: Pick<ProcessorObserver, 'unreadable'>) {
    this.#signal = signal;
    this.#dispatcher = dispatcher;
    this.#hash = hash;
    this.#reasons = reasons;
    this.#observer = observer;
  }

  /** Resolves when all rows are with the dispatcher, which may hold some back until it is flushed. `marks` gets those that went, or were lost. */
  async dispatch(kept: readonly KeptRows[], marks: KeptMarks | null = null): Promise<StampCounts> {
    const counts = noStamps();
    const bodies = new BodyReader(kept);
    for (let next = bodies.next(); next !== null; next = bodies.next()) if (next.part.rows.length > 0) await this.#dispatchPart(next, counts, marks);
    return counts;
  }

  async #dispatchPart({ part, bytes }: PartWithBody<KeptRows>, counts: StampCounts, marks: KeptMarks | null): Promise<void> {
    const arena = this.#arenas.acquire();
    try {
      const batch = part.batch.open(arena, part.rows, bytes instanceof Uint8Array ? bytes : await bytes);
      const { rows, stamps } = stampKept(batch, part, this.#hash, this.#tracestates, counts, this.#reasons, arena);
      marks?.add(part.batch, rows);
      await this.#dispatcher.add(batch, rows, stamps);
    } catch (error) {
      marks?.add(part.batch, part.rows);
      this.#observer.unreadable(this.#signal, part.rows.length, error);
    } finally {
      this.#arenas.release(arena);
    }
  }
}
