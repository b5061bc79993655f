import type { OutputBatch } from '../../otap/take/output-batch.ts';
import { amplificationMax } from './amplification.ts';
import { BackWriter } from './back-writer.ts';
import { bindBatch, type BoundBatch } from './encoding.ts';
import { writeRequestJson } from './json.ts';
import { JsonWriter } from './json-writer.ts';
import { writeRequest } from './protobuf.ts';
import { TooLong } from './too-long.ts';
import { SplicedItems } from '../splice/spliced-items.ts';

export type OtlpEncoding = 'proto' | 'json';

/** One export request. */
export interface OtlpRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Spans, log records or metrics in it. */
  readonly items: number;
}

/** An item that is longer than any request may be. */
export interface TooLongItem {
  readonly bytes: null;
  readonly items: 1;
}

/** Longer than this no item is written. */
const itemBytesMax = 256 << 20;

/** Bytes that requests may still be long. */
interface Budget {
  bytesLeft: number;
}

/** Encodes batches as export requests of bounded size; it keeps its buffer between batches. */
export class RequestEncoder {
  readonly #writer: { readonly encoding: 'proto'; readonly bytes: BackWriter } | { readonly encoding: 'json'; readonly bytes: JsonWriter };
  readonly #bytesMax: number;
  readonly #itemBytesMax: number;

  /**
   * Requests are at most `bytesMax` bytes long, but for one of a single item that is longer by itself, up to `longestMax`, and where resources are nearly
   * as long as that.
   */
  constructor(encoding: OtlpEncoding, bytesMax: number, longestMax = itemBytesMax) {
    this.#writer = encoding === 'proto' ? { encoding, bytes: new BackWriter() } : { encoding, bytes: new JsonWriter() };
    this.#bytesMax = bytesMax;
    this.#itemBytesMax = longestMax;
  }

  get encoding(): OtlpEncoding {
    return this.#writer.encoding;
  }

  /**
   * The requests that together hold every item of the batch once, each with its resource and scope, one by one: a value that a batch has once may
   * be written with every item. Spliced items are protobuf already.
   */
  *each(batch: OutputBatch | SplicedItems): Generator<OtlpRequest | TooLongItem> {
    if (batch instanceof SplicedItems) yield* batch.requests(this.#bytesMax, this.#writer.encoding === 'proto' ? this.#writer.bytes : undefined);
    else if (batch.rowCount > 0) yield* this.#range(bindBatch(batch), 0, batch.rowCount, null, Math.min(this.#itemBytesMax, this.#bytesMax * amplificationMax));
  }

  /** All of them; throws TooLong. */
  encode(batch: OutputBatch | SplicedItems): readonly OtlpRequest[] {
    return Array.from(this.each(batch), ({ bytes, items }) => {
      if (bytes === null) throw new TooLong(this.#itemBytesMax);
      return { bytes, items };
    });
  }

  /** What is too long is encoded again in as many parts as its length asks for; a part may be cut further. What becomes longer than `lengthMax` is halved unfinished. */
  *#range(bound: BoundBatch, from: number, to: number, given: Budget | null, lengthMax: number): Generator<OtlpRequest | TooLongItem> {
    const items = to - from;
    const bytes = this.#encode(bound, from, to, items === 1 ? this.#itemBytesMax : lengthMax);
    if (bytes === null) {
      yield* items === 1 ? [{ bytes, items }] : this.#halves(bound, from, to, lengthMax);
      return;
    }
    const budget = given ?? { bytesLeft: bytes.length * amplificationMax };
    if (bytes.length <= this.#bytesMax || items === 1 || budget.bytesLeft <= 0) {
      budget.bytesLeft -= bytes.length;
      yield { bytes, items };
      return;
    }
    const parts = Math.min(items, Math.ceil((bytes.length * 1.1) / this.#bytesMax));
    const step = Math.ceil(items / parts);
    for (let start = from; start < to; ) {
      const end = budget.bytesLeft <= 0 ? to : Math.min(to, start + step);
      yield* this.#range(bound, start, end, budget, lengthMax);
      start = end;
    }
  }

  /** Where a single item with its resource is nearly as long as the range may be, halves would be no shorter: the range may be longer. */
  *#halves(bound: BoundBatch, from: number, to: number, lengthMax: number): Generator<OtlpRequest | TooLongItem> {
    const single = this.#encode(bound, from, from + 1, this.#itemBytesMax)?.length ?? 0;
    const longerMax = Math.min(this.#itemBytesMax, single * amplificationMax);
    if (longerMax > lengthMax) {
      yield* this.#range(bound, from, to, null, longerMax);
      return;
    }
    const middle = from + ((to - from) >>> 1);
    yield* this.#range(bound, from, middle, null, lengthMax);
    yield* this.#range(bound, middle, to, null, lengthMax);
  }

  /** Null where it becomes longer than `lengthMax`. */
  #encode(bound: BoundBatch, from: number, to: number, lengthMax: number): Uint8Array<ArrayBuffer> | null {
    const writer = this.#writer;
    writer.bytes.lengthMax = lengthMax;
    try {
      if (writer.encoding === 'proto') writeRequest(writer.bytes, bound, from, to);
      else writeRequestJson(writer.bytes, bound, from, to);
      return writer.bytes.finish();
    } catch (error) {
      writer.bytes.clear();
      if (error instanceof TooLong) return null;
      throw error;
    }
  }
}
