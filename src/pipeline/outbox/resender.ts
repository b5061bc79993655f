import { deferred, type Deferred } from '../../base/deferred.ts';
import { messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import type { KeptRows } from '../kept-rows.ts';
import type { BatchSink } from '../sink.ts';
import { type LotPlace, noneTaken, type TakenOfLot, waitingBytesOf } from './lot.ts';
import type { ReadLots } from './read-lots.ts';

export interface ResenderParts {
  readonly sink: BatchSink;
  readonly seam: Seam;
  /** Reads lots back from the disk. Rejects where the disk fails. */
  readonly read: (places: readonly LotPlace[]) => Promise<ReadLots>;
  /** Sends what the sink has not `taken` of a lot; waits while it is full. Gives what it had taken where it took not all until `until` was aborted, or its end came; else null. */
  readonly send: (kept: readonly KeptRows[], taken: TakenOfLot, until: AbortSignal) => Promise<TakenOfLot | null>;
  /** Told how many lots wait, when that changes. */
  readonly onWaiting: (lots: number) => void;
  /** Told of rows that are not on the disk any more. */
  readonly onMissing: (rows: number) => void;
  readonly onFailure: (message: string) => void;
}

interface WaitingLot {
  readonly place: LotPlace;
  taken: TakenOfLot;
  readonly delivered: Deferred<void>;
}

/** Batches of lots that are read back together take about so much memory. */
const readBytesMax = 8 << 20;
/** How long to wait where the disk cannot be read, ms. */
const readAgainMs = 5000;

/**
 * What one sink has not taken: lots that wait on the disk, and are read back and sent in their order once the sink has room. No more of them is in memory
 * than its queue and one reading, and no more goes out at a time than the sink lets: a next hop that comes back is not run over.
 */
export class Resender {
  readonly #parts: ResenderParts;
  readonly #lots: WaitingLot[] = [];
  readonly #stop = new AbortController();
  #work: Promise<void> | null = null;
  #waitingBytes = 0;

  constructor(parts: ResenderParts) {
    this.#parts = parts;
  }

  /** Whether lots wait: what comes now goes behind them. */
  get isBehind(): boolean {
    return this.#lots.length > 0;
  }

  /** Bytes of memory that waiting takes; asked at each batch that comes. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The lot goes out when it can; resolves when the sink has delivered it, or given it up. */
  add(place: LotPlace, taken: TakenOfLot = noneTaken): Promise<void> {
    const lot: WaitingLot = { place, taken, delivered: deferred<void>() };
    this.#lots.push(lot);
    this.#waitingBytes += waitingBytesOf(place);
    this.#parts.onWaiting(this.#lots.length);
    this.#work ??= this.#run();
    return lot.delivered.promise;
  }

  /** Resolves when nothing waits, or nothing can go out any more. */
  caughtUp(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** Nothing goes out any more; what waits is left on the disk. */
  stop(): void {
    this.#stop.abort();
  }

  /** In the turn in which it finds nothing more to do it has ended, so that what comes then is begun with anew. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && this.#lots.length > 0 && await this.#parts.sink.hasRoom?.(signal) !== false) {
      try {
        if (!await this.#sendGroup(groupOf(this.#lots), signal)) break;
      } catch (error) {
        this.#parts.onFailure(messageOf(error));
        await this.#parts.seam.sleepMs(readAgainMs, signal).catch(() => undefined);
      }
    }
    this.#work = null;
  }

  /** False where not all of it was taken. Throws where the disk fails. */
  async #sendGroup(group: readonly WaitingLot[], until: AbortSignal): Promise<boolean> {
    const read = await this.#parts.read(group.map(({ place }) => place));
    try {
      for (const { kept, missing } of read.lots) if (!await this.#send(kept, missing, until)) return false;
      return true;
    } finally {
      read.release();
    }
  }

  /** The first lot; false where not all of it was taken. */
  async #send(kept: readonly KeptRows[], missing: number, until: AbortSignal): Promise<boolean> {
    const { sink, send, onMissing, onWaiting } = this.#parts;
    const lot = this.#lots[0];
    if (missing > 0) onMissing(missing);
    const left = await send(kept, lot.taken, until);
    if (left !== null) {
      lot.taken = { tables: lot.taken.tables + left.tables, spliced: lot.taken.spliced + left.spliced };
      return false;
    }
    this.#lots.shift();
    this.#waitingBytes -= waitingBytesOf(lot.place);
    onWaiting(this.#lots.length);
    void Promise.resolve(sink.settled?.()).then(() => lot.delivered.resolve());
    return true;
  }
}

/** The first lot, and those after it that may be read with it. */
function groupOf(lots: readonly WaitingLot[]): readonly WaitingLot[] {
  let bytes = 0;
  const end = lots.findIndex(({ place }, index) => (bytes += place.bytes) > readBytesMax && index > 0);
  return end === -1 ? [...lots] : lots.slice(0, end);
}
