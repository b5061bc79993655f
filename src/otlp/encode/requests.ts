import type { OutputBatch } from '../../otap/take/output-batch.ts';
import { amplificationMax } from './amplification.ts';
import { BackWriter } from './back-writer.ts';
import { bindBatch, type BoundBatch } from './encoding.ts';
import { writeRequestJson } from './json.ts';
import { JsonWriter } from './json-writer.ts';
import { writeRequest } from './protobuf.ts';
import { SplicedItems } from '../splice/spliced-items.ts';

export type OtlpEncoding = 'proto' | 'json';

/** One export request. */
export interface OtlpRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Spans, log records or metrics in it. */
  readonly items: number;
}

/** Encodes batches as export requests of bounded size; it keeps its buffer between batches. */
export class RequestEncoder {
  readonly #writer: { readonly encoding: 'proto'; readonly bytes: BackWriter } | { readonly encoding: 'json'; readonly bytes: JsonWriter };
  readonly #bytesMax: number;
  /** Bytes that the batch's requests may still be long. */
  #bytesLeft = 0;

  /** Requests are at most `bytesMax` bytes long, but for one of a single item that is longer by itself, and where resources are nearly as long as that. */
  constructor(encoding: OtlpEncoding, bytesMax: number) {
    this.#writer = encoding === 'proto' ? { encoding, bytes: new BackWriter() } : { encoding, bytes: new JsonWriter() };
    this.#bytesMax = bytesMax;
  }

  /** The requests that together hold every item of the batch once, each with its resource and scope. Spliced items are protobuf already. */
  encode(batch: OutputBatch | SplicedItems): readonly OtlpRequest[] {
    if (batch instanceof SplicedItems) return batch.requests(this.#bytesMax);
    const requests: OtlpRequest[] = [];
    this.#bytesLeft = Infinity;
    if (batch.rowCount > 0) this.#encodeRange(bindBatch(batch), 0, batch.rowCount, requests);
    return requests;
  }

  /** What is too long is encoded again in as many parts as its length asks for; a part may be cut further. */
  #encodeRange(bound: BoundBatch, from: number, to: number, requests: OtlpRequest[]): void {
    const bytes = this.#encode(bound, from, to);
    const items = to - from;
    if (this.#bytesLeft === Infinity) this.#bytesLeft = bytes.length * amplificationMax;
    if (bytes.length <= this.#bytesMax || items === 1 || this.#bytesLeft <= 0) {
      this.#bytesLeft -= bytes.length;
      requests.push({ bytes, items });
      return;
    }
    const parts = Math.min(items, Math.ceil((bytes.length * 1.1) / this.#bytesMax));
    const step = Math.ceil(items / parts);
    for (let start = from; start < to; ) {
      const end = this.#bytesLeft <= 0 ? to : Math.min(to, start + step);
      this.#encodeRange(bound, start, end, requests);
      start = end;
    }
  }

  #encode(bound: BoundBatch, from: number, to: number): Uint8Array<ArrayBuffer> {
    const writer = this.#writer;
    if (writer.encoding === 'proto') writeRequest(writer.bytes, bound, from, to);
    else writeRequestJson(writer.bytes, bound, from, to);
    return writer.bytes.finish();
  }
}
