import type { Signal } from '../../otap/payload-type.ts';
import type { ItemStamps } from '../../otap/take/item-stamps.ts';
import { bufferOver } from '../../otap/decode/text.ts';
import type { OtlpBatch } from '../decode/otlp-batch.ts';
import { Frames } from './frames.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { SplicedItems } from './spliced-items.ts';
import { stampingOf, writeStamped } from './stamped-item.ts';

const unknown = -1;

/** Codes of the frames of one batch, as far as they are known. */
interface KnownCodes {
  readonly resources: Int32Array;
  readonly scopes: Int32Array;
}

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
  #known = new WeakMap<OtlpBatch, KnownCodes>();

  constructor(signal: Signal, hashSeed = 0) {
    this.#signal = signal;
    this.#hashSeed = hashSeed;
    this.#resources = new Frames(hashSeed);
    this.#scopes = new Frames(hashSeed);
  }

  get rowCount(): number {
    return this.#ends.length;
  }

  /** Bytes so far: of items, and of what is around them once. */
  get byteLength(): number {
    return this.#items.length + this.#resources.byteLength + this.#scopes.byteLength;
  }

  /**
   * Takes `rows` of a request; `stamps` are theirs, null = as they came. Throws INVALID_ARGUMENT / malformed_protobuf where an attribute cannot be read,
   * which in a request that was checked none is; nothing is taken then.
   */
  append(batch: OtlpBatch, rows: Uint32Array, stamps: ItemStamps | null): void {
    const { rowCount } = this;
    const { length } = this.#items;
    try {
      this.#append(batch, rows, stamps);
    } catch (error) {
      this.#items.truncate(length);
      this.#ends.length = this.#scopeOf.length = rowCount;
      throw error;
    }
  }

  #append(batch: OtlpBatch, rows: Uint32Array, stamps: ItemStamps | null): void {
    const { framing, request } = batch;
    const bytes = bufferOver(request.bytes);
    const { starts, ends } = framing.items;
    const stamping = stamps === null ? null : stampingOf(this.#signal, stamps);
    const known = this.#codesOf(batch);
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      const scope = framing.scopeOf[row];
      if (known.scopes[scope] === unknown) known.scopes[scope] = this.#scopeCode(batch, known, bytes, scope);
      if (stamping === null) this.#items.copy(bytes, starts[row], ends[row]);
      else writeStamped(this.#items, bytes, starts[row], ends[row], stamping, index);
      this.#scopeOf.push(known.scopes[scope]);
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
    this.#known = new WeakMap();
    return items;
  }

  /** Rows of a batch may be taken in steps; to find a frame costs a walk over all that is in it. */
  #codesOf(batch: OtlpBatch): KnownCodes {
    const { resourceRanges, scopeRanges } = batch.framing;
    const known = this.#known.get(batch) ?? { resources: new Int32Array(resourceRanges.count).fill(unknown), scopes: new Int32Array(scopeRanges.count).fill(unknown) };
    this.#known.set(batch, known);
    return known;
  }

  #scopeCode({ framing: { resourceRanges, scopeRanges } }: OtlpBatch, { resources }: KnownCodes, bytes: Buffer, scope: number): number {
    const resource = scopeRanges.owners[scope];
    if (resources[resource] === unknown) resources[resource] = this.#resources.codeOf(bytes, resourceRanges.starts[resource], resourceRanges.ends[resource], 0);
    return this.#scopes.codeOf(bytes, scopeRanges.starts[scope], scopeRanges.ends[scope], resources[resource]);
  }
}
