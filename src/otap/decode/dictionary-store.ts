import { isUtf8 } from 'node:buffer';
import type { DictionaryStore, PlainColumn } from '../column.ts';
import { CodedError } from '../../base/errors.ts';
import { storages, valueBytes, type Storage } from '../ipc/arrow-type.ts';
import { readDictionaryBatch, type DictionaryBatch } from '../ipc/dictionary-batch.ts';
import { malformedIpc, overLimit } from '../ipc/errors.ts';
import { readMessages } from '../ipc/message.ts';
import type { PlainDictionary } from '../ipc/write-dictionary.ts';
import type { ValueType } from '../schema.ts';
import { bit } from './bits.ts';
import { DictionaryError } from './errors.ts';
import { GrowingBytes, GrowingOffsets } from './growing.ts';
import { readPlain, readValidity } from './read-plain.ts';
import { bufferOver, readText } from './text.ts';

const rowNode = Uint8Array.of(1);
const place = { node: 0, buffer: 0 };
/** Heap of a small object, beside its content. */
const overheadBytes = 96;
/** Messages are kept unread up to this; then they are read, so that what they hold beside values is not kept. */
const pendingBytesMax = 128 * 1024;

/**
 * The values of one dictionary. A batch of values is checked for its structure when it comes, and decompressed and
 * read when somebody asks for a value: what no policy reads costs a copy of its compressed bytes.
 */
export class ArrowDictionaryStore implements DictionaryStore {
  readonly type: ValueType;
  readonly #storage: Storage;
  readonly #width: number;
  readonly #data = new GrowingBytes();
  readonly #offsets = new GrowingOffsets();
  readonly #texts: (string | undefined)[] = [];
  #view: DataView = new DataView(new ArrayBuffer(0));
  #buffer: Buffer = Buffer.alloc(0);
  /** Messages that came and are not yet read. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** One byte an entry, 1 where it is null; null where none is. */
  #nulls: Uint8Array | null = null;
  #size = 0;
  #read = 0;
  #declaredBytes = 0;
  #byteLength = overheadBytes;
  #failure: DictionaryError | null = null;

  constructor(type: ValueType) {
    this.type = type;
    this.#storage = storages[type];
    this.#width = valueBytes[type];
  }

  get size(): number {
    return this.#size;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Bytes of all values as their sender declares them, and some for each batch of values. */
  get declaredBytes(): number {
    return this.#declaredBytes;
  }

  /**
   * Appends the values of a dictionary batch; `message` are its bytes, which are copied.
   * Throws INVALID_ARGUMENT: malformed_ipc, over_limit (the store is then as it was), DictionaryError where it reads them.
   */
  append({ body }: DictionaryBatch, message: Uint8Array, entriesMax: number, bytesMax: number): void {
    body.check(rowNode, this.#storage === 'bytes' ? 3 : 2);
    const size = this.#size + body.rowCount;
    if (size > entriesMax) throw overLimit('dictionary entries', size, entriesMax);
    const added = body.declaredBytes + overheadBytes;
    if (added > bytesMax) throw overLimit('dictionary bytes', added, bytesMax);
    this.#size = size;
    this.#declaredBytes += added;
    this.#byteLength += added + message.length;
    this.#pending.push(message.slice());
    this.#pendingBytes += message.length;
    if (this.#pendingBytes > pendingBytesMax) this.#readPending();
  }

  text(code: number): string {
    const known = this.#texts[code];
    return known === undefined ? this.#readText(code) : known;
  }

  bytes(code: number): Uint8Array {
    this.#readTo(code);
    if (this.#storage !== 'bytes') return this.#data.bytes.subarray(code * this.#width, (code + 1) * this.#width);
    const { offsets } = this.#offsets;
    return this.#data.bytes.subarray(offsets[code], offsets[code + 1]);
  }

  number(code: number): number {
    this.#readTo(code);
    switch (this.type) {
      case 'u8':
        return this.#view.getUint8(code);
      case 'u16':
        return this.#view.getUint16(code * 2, true);
      case 'u32':
        return this.#view.getUint32(code * 4, true);
      case 'i32':
        return this.#view.getInt32(code * 4, true);
      case 'f64':
        return this.#view.getFloat64(code * 8, true);
      case 'u64':
        return this.#view.getUint32(code * 8 + 4, true) * 0x1_0000_0000 + this.#view.getUint32(code * 8, true);
      default:
        return this.#view.getInt32(code * 8 + 4, true) * 0x1_0000_0000 + this.#view.getUint32(code * 8, true);
    }
  }

  bigint(code: number): bigint {
    this.#readTo(code);
    if (this.#width !== 8 || this.type === 'f64') return BigInt(this.number(code));
    return this.type === 'u64' ? this.#view.getBigUint64(code * 8, true) : this.#view.getBigInt64(code * 8, true);
  }

  isNull(code: number): boolean {
    this.#readTo(code);
    return this.#nulls !== null && this.#nulls[code] === 1;
  }

  /** Codes below `size` whose entry is these bytes; a dictionary may hold a value twice. */
  codesOf(value: Uint8Array, size: number): number[] {
    const codes: number[] = [];
    if (size === 0 || this.#storage !== 'bytes') return codes;
    this.#readTo(size - 1);
    const { offsets } = this.#offsets;
    const data = this.#data.bytes;
    for (let code = 0; code < size; code++) {
      if (offsets[code + 1] - offsets[code] === value.length && equalAt(data, offsets[code], value) && !this.isNull(code)) codes.push(code);
    }
    return codes;
  }

  /** Whether entries [from, to), of variable length, are UTF-8 each: looked at as one text, none of which begins within a character. */
  areUtf8(from: number, to: number): boolean {
    if (from >= to) return true;
    this.#readTo(to - 1);
    const { offsets } = this.#offsets;
    const data = this.#data.bytes;
    if (!isUtf8(data.subarray(offsets[from], offsets[to]))) return false;
    for (let code = from + 1; code < to; code++) if (offsets[code] < offsets[to] && (data[offsets[code]] & 0xc0) === 0x80) return false;
    return true;
  }

  /** All entries as plain buffers (views), to be written again. */
  plain(): PlainDictionary {
    if (this.#size > 0) this.#readTo(this.#size - 1);
    const offsets = this.#storage === 'bytes' ? this.#offsets.offsets.subarray(0, this.#size + 1) : null;
    return { data: this.#data.bytes.subarray(0, this.#data.used), offsets, nulls: this.#nulls, size: this.#size };
  }

  #readText(code: number): string {
    this.#readTo(code);
    const { offsets } = this.#offsets;
    const text = this.isNull(code) ? '' : readText(this.#buffer, offsets[code], offsets[code + 1]);
    this.#texts[code] = text;
    this.#byteLength += text.length;
    return text;
  }

  #readTo(code: number): void {
    if (code < this.#read) return;
    if (code >= this.#size) throw new RangeError(`dictionary code ${code} of ${this.#size}`);
    this.#readPending();
  }

  #readPending(): void {
    if (this.#failure !== null) throw this.#failure;
    try {
      for (const message of this.#pending) this.#readMessage(message);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#failure = new DictionaryError(error);
      throw this.#failure;
    } finally {
      this.#byteLength -= this.#pendingBytes;
      this.#pendingBytes = 0;
      this.#pending = [];
    }
    this.#view = new DataView(this.#data.bytes.buffer, this.#data.bytes.byteOffset, this.#data.used);
    this.#buffer = bufferOver(this.#data.bytes);
  }

  #readMessage(bytes: Uint8Array): void {
    const [message] = readMessages(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    const { body } = readDictionaryBatch(message);
    body.check(rowNode, this.#storage === 'bytes' ? 3 : 2);
    const column = readPlain(body, this.type, place, readValidity(body, place));
    this.#appendValues(column);
    this.#appendNulls(column);
    if (this.#storage === 'bytes') for (let row = 0; row < column.length; row++) this.#texts.push(undefined);
    this.#read += column.length;
  }

  #appendValues(column: PlainColumn): void {
    switch (column.kind) {
      case 'bytes': {
        const { offsets, length } = column;
        this.#data.append(column.data.subarray(offsets[0], offsets[length]));
        this.#offsets.append(offsets);
        return;
      }
      case 'fixed_binary':
        this.#data.append(column.data.subarray(0, column.length * column.width));
        return;
      case 'bool':
        throw malformedIpc('dictionary of bool');
      default:
        this.#data.append(new Uint8Array(column.values.buffer, column.values.byteOffset, column.values.byteLength));
    }
  }

  #appendNulls({ validity, length }: PlainColumn): void {
    const end = this.#read + length;
    if (this.#nulls !== null && this.#nulls.length < end) this.#nulls = enlarged(this.#nulls, Math.max(end, this.#nulls.length * 2));
    if (validity === null) return;
    this.#nulls ??= new Uint8Array(end);
    for (let row = 0; row < length; row++) if (!bit(validity, row)) this.#nulls[this.#read + row] = 1;
  }
}

function enlarged(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

function equalAt(data: Uint8Array, start: number, value: Uint8Array): boolean {
  for (let index = 0; index < value.length; index++) {
    if (data[start + index] !== value[index]) return false;
  }
  return true;
}
