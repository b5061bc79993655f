import type { Column, DictionaryColumn, DictionaryStore } from '../../otap/column.ts';
import { valueTypes } from '../../otap/take/attributes.ts';
import { cborOfValue } from './cbor-writer.ts';
import { counting, u32Memory, u8Memory, Validity } from './column-memory.ts';
import { wideColumn } from './field-columns.ts';
import { type Member, readMember, typeOfField } from './member.ts';
import { MadeStore, PoolStore, RangeStore } from './stores.ts';
import { int32Memory } from './ranges.ts';
import { isTrueAt, lengthAt, startAt, varint64At } from './varint.ts';
import type { RequestBytes } from './walk.ts';

/** Values of attributes or bodies, one a row: their types and where they lie. Columns are made of them when asked for. */
export class AnyValues {
  readonly types: Uint8Array;
  readonly #request: RequestBytes;
  readonly #values: Int32Array;
  /** Bit t: some row has type t. */
  readonly #seen: number;

  /** The AnyValue of row i begins, with its length, at positions[i * stride + offset]; 0 is none. Throws INVALID_ARGUMENT / malformed_protobuf. */
  constructor(request: RequestBytes, positions: Int32Array, stride: number, offset: number, count: number) {
    const { bytes, source } = request;
    this.#request = request;
    this.types = u8Memory(source, count);
    this.#values = int32Memory(source, count);
    const member: Member = { field: 0, at: 0 };
    let seen = 0;
    for (let row = 0, from = offset; row < count; row++, from += stride) {
      const at = positions[from];
      let type: number = valueTypes.EMPTY;
      if (at !== 0) {
        const start = startAt(bytes, at);
        readMember(bytes, start, start + lengthAt(bytes, at), member);
        type = typeOfField[member.field];
        this.#values[row] = member.at;
      }
      this.types[row] = type;
      seen |= 1 << type;
    }
    this.#seen = seen;
  }

  /** A column by the last part of its path; null where no row has its type. Throws for nothing but what reading entries throws. */
  column(name: string): Column | null {
    switch (name) {
      case 'type':
        return { kind: 'fixed', type: 'u8', length: this.types.length, validity: null, values: this.types };
      case 'str':
        return this.#has(valueTypes.STR) ? this.#byRow(valueTypes.STR, valueTypes.STR, this.#ranges('utf8', valueTypes.STR)) : null;
      case 'bytes':
        return this.#has(valueTypes.BYTES) ? this.#byRow(valueTypes.BYTES, valueTypes.BYTES, this.#ranges('binary', valueTypes.BYTES)) : null;
      case 'ser':
        return this.#has(valueTypes.MAP) || this.#has(valueTypes.SLICE) ? this.#byRow(valueTypes.MAP, valueTypes.SLICE, this.#cbor()) : null;
      case 'int':
        return this.#has(valueTypes.INT) ? this.#ints() : null;
      case 'double':
        return this.#has(valueTypes.DOUBLE) ? this.#doubles() : null;
      case 'bool':
        return this.#has(valueTypes.BOOL) ? this.#bools() : null;
      default:
        return null;
    }
  }

  /** The texts with a dictionary of the different ones; null where no row has one. */
  texts(): DictionaryColumn | null {
    if (!this.#has(valueTypes.STR)) return null;
    const { bytes, source, hashSeed } = this.#request;
    const { types } = this;
    const store = new PoolStore(hashSeed);
    const codes = u32Memory(source, types.length);
    for (let row = 0; row < types.length; row++) {
      const start = startAt(bytes, this.#values[row]);
      codes[row] = types[row] === valueTypes.STR ? store.codeOf(bytes, start, start + lengthAt(bytes, this.#values[row])) : 0;
    }
    return { kind: 'dictionary', type: 'utf8', length: types.length, validity: this.#validity(valueTypes.STR, valueTypes.STR), codes, dictionary: { store, size: store.size } };
  }

  #has(type: number): boolean {
    return (this.#seen & (1 << type)) !== 0;
  }

  #byRow(typeMin: number, typeMax: number, store: DictionaryStore): DictionaryColumn {
    const { source } = this.#request;
    const length = this.types.length;
    return {
      kind: 'dictionary', type: store.type, length, validity: this.#validity(typeMin, typeMax), codes: counting(source, length), dictionary: { store, size: length },
    };
  }

  #validity(typeMin: number, typeMax: number): Uint8Array | null {
    const validity = new Validity(this.#request.source, this.types.length);
    for (let row = 0; row < this.types.length; row++) if (this.types[row] < typeMin || this.types[row] > typeMax) validity.clear(row);
    return validity.finish();
  }

  #ranges(type: 'utf8' | 'binary', wanted: number): RangeStore {
    const { bytes } = this.#request;
    const values = this.#values;
    return new RangeStore(type, bytes, this.types, wanted, (row) => startAt(bytes, values[row]), (row) => lengthAt(bytes, values[row]));
  }

  #cbor(): MadeStore {
    const { bytes } = this.#request;
    return new MadeStore(this.types, valueTypes.MAP, valueTypes.SLICE, (row) => cborOfValue(bytes, this.#values[row], this.types[row] === valueTypes.MAP));
  }

  #ints(): Column {
    const { bytes, source } = this.#request;
    const { types } = this;
    const words = u32Memory(source, types.length * 2);
    for (let row = 0; row < types.length; row++) {
      if (types[row] === valueTypes.INT) varint64At(bytes, this.#values[row], words, row * 2);
      else words[row * 2] = words[row * 2 + 1] = 0;
    }
    return wideColumn('i64', words, this.#validity(valueTypes.INT, valueTypes.INT));
  }

  #doubles(): Column {
    const { view, source } = this.#request;
    const { types } = this;
    const words = u32Memory(source, types.length * 2);
    for (let row = 0; row < types.length; row++) {
      const isDouble = types[row] === valueTypes.DOUBLE;
      words[row * 2] = isDouble ? view.getUint32(this.#values[row], true) : 0;
      words[row * 2 + 1] = isDouble ? view.getUint32(this.#values[row] + 4, true) : 0;
    }
    return wideColumn('f64', words, this.#validity(valueTypes.DOUBLE, valueTypes.DOUBLE));
  }

  #bools(): Column {
    const { bytes, source } = this.#request;
    const { types } = this;
    const bits = u8Memory(source, (types.length + 7) >>> 3).fill(0);
    for (let row = 0; row < types.length; row++) {
      if (types[row] !== valueTypes.BOOL) continue;
      if (isTrueAt(bytes, this.#values[row])) bits[row >>> 3] |= 1 << (row & 7);
    }
    return { kind: 'bool', type: 'bool', length: types.length, validity: this.#validity(valueTypes.BOOL, valueTypes.BOOL), bits };
  }
}
