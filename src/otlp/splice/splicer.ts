import type { Signal } from '../../otap/payload-type.ts';
import type { ItemStamps } from '../../otap/take/item-stamps.ts';
import { bufferOver } from '../../otap/decode/text.ts';
import type { OtlpBatch } from '../decode/otlp-batch.ts';
import { Frames } from './frames.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { SplicedItems } from './spliced-items.ts';
import { stampFields, writeStamped } from './stamped-item.ts';

const unknown = -1;

/**
 * Gathers items of OTLP requests into new ones without reading them: an item's own bytes are copied, with its stamps in the place of what they
 * replace, and so are those of its resource and scope. So fields that nobody here knows leave as they came.
 */
export class Splicer {
  readonly #signal: Signal;
  readonly #hashSeed: number;
  readonly #items = new GrowingBytes();
  #ends: number[] = [];
  #scopeOf: number[] = [];
  #resources: Frames;
  #scopes: Frames;

  constructor(signal: Signal, hashSeed = 0) {
    this.#signal = signal;
    this.#hashSeed = hashSeed;
    this.#resources = new Frames(hashSeed);
    this.#scopes = new Frames(hashSeed);
  }

  get rowCount(): number {
    return this.#ends.length;
  }

  /** Bytes of the items so far. */
  get byteLength(): number {
    return this.#items.length;
  }

  /** Takes `rows` of a request; `stamps` are theirs, null = as they came. What is read was checked when the request came. */
  append(batch: OtlpBatch, rows: Uint32Array, stamps: ItemStamps | null): void {
    const { framing, request } = batch;
    const bytes = bufferOver(request.bytes);
    const { starts, ends } = framing.items;
    const fields = stampFields[this.#signal];
    const codes = new Int32Array(framing.scopeRanges.count).fill(unknown);
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      const scope = framing.scopeOf[row];
      if (codes[scope] === unknown) codes[scope] = this.#scopeCode(batch, bytes, scope);
      if (stamps === null) this.#items.copy(bytes, starts[row], ends[row]);
      else writeStamped(this.#items, bytes, starts[row], ends[row], fields, stamps, index);
      this.#scopeOf.push(codes[scope]);
      this.#ends.push(this.#items.length);
    }
  }

  /** What was gathered; the next items begin anew. */
  finish(): SplicedItems {
    const items = new SplicedItems(this.#signal, this.#items.take(), Uint32Array.from(this.#ends), Uint32Array.from(this.#scopeOf), this.#resources.taken(), this.#scopes.taken());
    this.#ends = [];
    this.#scopeOf = [];
    this.#resources = new Frames(this.#hashSeed);
    this.#scopes = new Frames(this.#hashSeed);
    return items;
  }

  #scopeCode({ framing: { resourceRanges, scopeRanges } }: OtlpBatch, bytes: Buffer, scope: number): number {
    const resource = scopeRanges.owners[scope];
    const outer = this.#resources.codeOf(bytes, resourceRanges.starts[resource], resourceRanges.ends[resource], 0);
    return this.#scopes.codeOf(bytes, scopeRanges.starts[scope], scopeRanges.ends[scope], outer);
  }
}
