import type { Signal } from '../../otap/payload-type.ts';
import { delimitedLength } from '../../otap/proto/wire-writer.ts';
import { childrenOf } from '../encode/children.ts';
import { BackWriter } from '../encode/back-writer.ts';
import { amplificationMax } from '../encode/amplification.ts';
import type { OtlpRequest } from '../encode/requests.ts';
import { type FrameBytes, outerBytes } from './frames.ts';

/** Items as OTLP messages, with the resources and scopes that they lie in. */
export class SplicedItems {
  readonly signal: Signal;
  readonly rowCount: number;
  readonly #items: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #scopeOf: Uint32Array;
  readonly #resources: FrameBytes;
  readonly #scopes: FrameBytes;

  /** Item i is items[ends[i - 1], ends[i]). */
  constructor(signal: Signal, items: Uint8Array, ends: Uint32Array, scopeOf: Uint32Array, resources: FrameBytes, scopes: FrameBytes) {
    this.signal = signal;
    this.rowCount = ends.length;
    this.#items = items;
    this.#ends = ends;
    this.#scopeOf = scopeOf;
    this.#resources = resources;
    this.#scopes = scopes;
  }

  /** Bytes of memory that they take. */
  get byteLength(): number {
    return this.#items.buffer.byteLength + this.#resources.data.length + this.#scopes.data.length;
  }

  /**
   * The export requests that together hold every item once, by resource and scope, else in their order. Each is at most `bytesMax` bytes long, but
   * for one of a single item that is longer by itself, and where a resource leaves hardly room for items: it is not repeated for every few of them.
   * `writer` is written with and left empty.
   */
  requests(bytesMax: number, writer = new BackWriter()): readonly OtlpRequest[] {
    const order = this.#order();
    writer.lengthMax = Infinity;
    const requests: OtlpRequest[] = [];
    for (let from = 0; from < order.length; ) {
      const to = this.#endOfRequest(order, from, bytesMax);
      this.#write(writer, order, from, to);
      requests.push({ bytes: writer.finish(), items: to - from });
      from = to;
    }
    return requests;
  }

  /** Two stable sorts: by scope, whose numbers are ranked by resource first. */
  #order(): Uint32Array {
    const { outerOf, count } = this.#scopes;
    const scopes = childrenOf(outerOf.subarray(0, count), this.#resources.count).rows;
    const rank = new Uint32Array(count);
    for (let index = 0; index < count; index++) rank[scopes[index]] = index;
    return childrenOf(Uint32Array.from(this.#scopeOf, (scope) => rank[scope]), count).rows;
  }

  /** Where the request that begins with order[from] must end. Lengths of what holds the items are counted as if they were as long as can be. */
  #endOfRequest(order: Uint32Array, from: number, bytesMax: number): number {
    const headBytesMax = 6;
    const freshBytesMin = bytesMax / amplificationMax;
    let length = 0;
    let scope = -1;
    let resource = -1;
    for (let index = from; index < order.length; index++) {
      const own = this.#scopeOf[order[index]];
      const around = this.#scopes.outerOf[own];
      const scopeBytes = headBytesMax + frameLength(this.#scopes, own);
      const resourceBytes = headBytesMax + frameLength(this.#resources, around);
      /** What the next request would say again. */
      const repeated = (own === scope ? scopeBytes : 0) + (around === resource ? resourceBytes : 0);
      length += delimitedLength(this.#length(order[index])) + scopeBytes + resourceBytes - repeated;
      scope = own;
      resource = around;
      if (length > bytesMax && index > from && length - repeated >= freshBytesMin) return index;
    }
    return order.length;
  }

  /** Writes items [from, to) of the order back to front. Field numbers are those that all signals share, see encode/protobuf.ts. */
  #write(writer: BackWriter, order: Uint32Array, from: number, to: number): void {
    for (let index = to - 1; index >= from; ) {
      const before = writer.length;
      const resource = this.#scopes.outerOf[this.#scopeOf[order[index]]];
      while (index >= from && this.#scopes.outerOf[this.#scopeOf[order[index]]] === resource) index = this.#writeScope(writer, order, from, index);
      copyFrame(writer, this.#resources, resource);
      writer.header(1, before);
    }
  }

  /** The items before and at `index` that have the same scope; gives the index before them. */
  #writeScope(writer: BackWriter, order: Uint32Array, from: number, last: number): number {
    const before = writer.length;
    const scope = this.#scopeOf[order[last]];
    let index = last;
    for (; index >= from && this.#scopeOf[order[index]] === scope; index--) {
      const item = order[index];
      const beforeItem = writer.length;
      writer.copy(this.#items, item === 0 ? 0 : this.#ends[item - 1], this.#ends[item]);
      writer.header(2, beforeItem);
    }
    copyFrame(writer, this.#scopes, scope);
    writer.header(2, before);
    return index;
  }

  #length(item: number): number {
    return this.#ends[item] - (item === 0 ? 0 : this.#ends[item - 1]);
  }
}

function frameLength({ offsets }: FrameBytes, code: number): number {
  return offsets[code + 1] - offsets[code] - outerBytes;
}

function copyFrame(writer: BackWriter, { data, offsets }: FrameBytes, code: number): void {
  writer.copy(data, offsets[code] + outerBytes, offsets[code + 1]);
}
