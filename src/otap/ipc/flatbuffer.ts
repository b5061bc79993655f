import { malformedIpc } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A vector's elements: `count` of them from `at` on (absolute offset). */
export interface FlatVector {
  readonly at: number;
  readonly count: number;
}

const noElements: FlatVector = { at: 0, count: 0 };

/**
 * Reads flatbuffers in `view[start, end)` by absolute offset, every offset checked against that range
 * (flatbuffers.dev/internals). Tables are named by their position; a field by its slot (declaration order, unions
 * take two).
 */
export class FlatBuffer {
  readonly view: DataView;
  readonly #start: number;
  readonly #end: number;

  constructor(view: DataView, start: number, end: number) {
    this.view = view;
    this.#start = start;
    this.#end = end;
  }

  /** Position of the root table. */
  root(): number {
    return this.#indirect(this.#start);
  }

  /** Position of the value of a field of `bytes` bytes, 0 where the table leaves it out. */
  field(table: number, slot: number, bytes: number): number {
    this.#check(table, 4);
    const vtable = table - this.view.getInt32(table, true);
    this.#check(vtable, 4);
    const vtableBytes = this.view.getUint16(vtable, true);
    const entry = 4 + slot * 2;
    if (entry + 2 > vtableBytes) return 0;
    this.#check(vtable, vtableBytes);
    const offset = this.view.getUint16(vtable + entry, true);
    if (offset === 0) return 0;
    this.#check(table + offset, bytes);
    return table + offset;
  }

  u8(table: number, slot: number, absent: number): number {
    const at = this.field(table, slot, 1);
    return at === 0 ? absent : this.view.getUint8(at);
  }

  i16(table: number, slot: number, absent: number): number {
    const at = this.field(table, slot, 2);
    return at === 0 ? absent : this.view.getInt16(at, true);
  }

  i32(table: number, slot: number, absent: number): number {
    const at = this.field(table, slot, 4);
    return at === 0 ? absent : this.view.getInt32(at, true);
  }

  /** An int64 that must be in [0, 2^53). */
  size(table: number, slot: number, what: string): number {
    const at = this.field(table, slot, 8);
    return at === 0 ? 0 : this.sizeAt(at, what);
  }

  /** The int64 at a checked position, which must be in [0, 2^53). */
  sizeAt(at: number, what: string): number {
    const high = this.view.getUint32(at + 4, true);
    if (high >= 0x200000) throw malformedIpc(`${what} is negative or too large`);
    return high * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  /** Position of the table in a field, 0 where it is absent. */
  table(table: number, slot: number): number {
    const at = this.field(table, slot, 4);
    return at === 0 ? 0 : this.#indirect(at);
  }

  /** The vector in a field whose elements have `elementBytes` each. */
  vector(table: number, slot: number, elementBytes: number): FlatVector {
    const at = this.field(table, slot, 4);
    if (at === 0) return noElements;
    const vector = this.#indirect(at);
    const count = this.view.getUint32(vector, true);
    this.#check(vector + 4, count * elementBytes);
    return { at: vector + 4, count };
  }

  /** Position of table `index` in a vector of tables. */
  tableOf(vector: FlatVector, index: number): number {
    return this.#indirect(vector.at + index * 4);
  }

  /** The string in a field, null where it is absent. */
  text(table: number, slot: number): string | null {
    const at = this.field(table, slot, 4);
    if (at === 0) return null;
    const { at: start, count } = this.vector(table, slot, 1);
    try {
      return utf8.decode(new Uint8Array(this.view.buffer, this.view.byteOffset + start, count));
    } catch {
      throw malformedIpc('text in metadata is not UTF-8');
    }
  }

  #indirect(at: number): number {
    this.#check(at, 4);
    const target = at + this.view.getUint32(at, true);
    this.#check(target, 4);
    return target;
  }

  #check(at: number, bytes: number): void {
    if (at < this.#start || at + bytes > this.#end) throw malformedIpc(`metadata refers to byte ${at} outside itself`);
  }
}
