import type { DictionaryStore } from '../../otap/column.ts';
import { invalidValues } from '../../otap/decode/errors.ts';
import { bufferOver, readText } from '../../otap/decode/text.ts';
import type { ValueType } from '../../otap/schema.ts';
import { ValuePool } from '../../otap/take/value-pool.ts';

/** What all dictionaries of texts and bytes have in common: they hold no numbers. */
abstract class BytesStore implements DictionaryStore {
  abstract readonly type: ValueType;
  abstract readonly size: number;
  abstract readonly byteLength: number;
  abstract text(code: number): string;
  abstract bytes(code: number): Uint8Array;

  isNull(_code: number): boolean {
    return false;
  }

  number(code: number): number {
    throw invalidValues(`entry ${code} of ${this.type} is no number`);
  }

  bigint(code: number): bigint {
    throw invalidValues(`entry ${code} of ${this.type} is no number`);
  }
}

/** The different texts of a column. */
export class PoolStore extends BytesStore {
  readonly type = 'utf8';
  readonly #pool: ValuePool;
  readonly #texts: string[] = [];

  constructor(hashSeed: number) {
    super();
    this.#pool = new ValuePool(false, hashSeed);
  }

  get size(): number {
    return this.#pool.size;
  }

  get byteLength(): number {
    return this.#pool.byteLength;
  }

  /** The code of a text, which is added when it is new. */
  codeOf(bytes: Uint8Array, start: number, end: number): number {
    return this.#pool.intern(bytes, start, end);
  }

  text(code: number): string {
    const { data, offsets } = this.#pool;
    return (this.#texts[code] ??= readText(bufferOver(data), offsets[code], offsets[code + 1]));
  }

  bytes(code: number): Uint8Array {
    const { data, offsets } = this.#pool;
    return data.subarray(offsets[code], offsets[code + 1]);
  }
}

/**
 * Values as they lie in a request, one an entry, none looked at before it is asked for: entry i is bytes[startOf(i), startOf(i) + lengthOf(i)).
 */
export class RangeStore extends BytesStore {
  readonly type: 'utf8' | 'binary';
  readonly #bytes: Uint8Array;
  readonly #types: Uint8Array;
  readonly #wanted: number;
  readonly #startOf: (entry: number) => number;
  readonly #lengthOf: (entry: number) => number;

  /** Entries whose type is not `wanted` are null. */
  constructor(type: 'utf8' | 'binary', bytes: Uint8Array, types: Uint8Array, wanted: number, startOf: (entry: number) => number, lengthOf: (entry: number) => number) {
    super();
    this.type = type;
    this.#bytes = bytes;
    this.#types = types;
    this.#wanted = wanted;
    this.#startOf = startOf;
    this.#lengthOf = lengthOf;
  }

  get size(): number {
    return this.#types.length;
  }

  get byteLength(): number {
    return this.#types.length;
  }

  override isNull(code: number): boolean {
    return this.#types[code] !== this.#wanted;
  }

  text(code: number): string {
    const start = this.#startOf(code);
    return readText(bufferOver(this.#bytes), start, start + this.#lengthOf(code));
  }

  bytes(code: number): Uint8Array {
    const start = this.#startOf(code);
    return this.#bytes.subarray(start, start + this.#lengthOf(code));
  }
}

/** Values that are made of others when they are asked for: arrays and maps as CBOR. Entries of other types are null. */
export class MadeStore extends BytesStore {
  readonly type = 'binary';
  readonly #types: Uint8Array;
  readonly #typeMin: number;
  readonly #typeMax: number;
  readonly #make: (entry: number) => Uint8Array;

  constructor(types: Uint8Array, typeMin: number, typeMax: number, make: (entry: number) => Uint8Array) {
    super();
    this.#types = types;
    this.#typeMin = typeMin;
    this.#typeMax = typeMax;
    this.#make = make;
  }

  get size(): number {
    return this.#types.length;
  }

  get byteLength(): number {
    return this.#types.length;
  }

  override isNull(code: number): boolean {
    return this.#types[code] < this.#typeMin || this.#types[code] > this.#typeMax;
  }

  text(code: number): string {
    throw invalidValues(`entry ${code} of binary is no text`);
  }

  bytes(code: number): Uint8Array {
    return this.#make(code);
  }
}
