import type { IdColumn, RowsOfTable } from '../../otap/batch.ts';
import type { Column } from '../../otap/column.ts';
import type { PayloadInfo } from '../../otap/payload-type.ts';
import { AnyValues } from './any-values.ts';
import { checkAttributes } from './check-attributes.ts';
import { counting, u32Memory } from './column-memory.ts';
import { named } from './errors.ts';
import { type KeyValue, plainValueTag, readKeyValue } from './key-value.ts';
import { type KeyRows, LazyTable } from './lazy-table.ts';
import { int32Memory, type Ranges } from './ranges.ts';
import { PoolStore } from './stores.ts';
import { ValueTable } from './value-table.ts';
import type { RequestBytes } from './walk.ts';

const paths: readonly string[] = ['parent_id', 'key', 'type', 'str', 'int', 'double', 'bool', 'bytes', 'ser'];

/** Where the keys and values of attributes lie. */
interface Places {
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  /** Of the length of the value; 0 for none. */
  readonly values: Int32Array;
  /** Equal for equal keys, and mostly not for others: rows of a key are found by it. */
  readonly marks: Uint32Array;
}

/** Attributes of one kind of item. Neither keys nor values are looked at before somebody asks for one of them. */
export class AttributeTable extends LazyTable {
  readonly paths = paths;
  readonly #request: RequestBytes;
  readonly #ranges: Ranges;
  readonly #parents: IdColumn;
  #places: Places | null = null;
  #values: AnyValues | null = null;

  /** `ranges`: KeyValue messages, owned by the rows that they are attributes of. */
  constructor(info: PayloadInfo, request: RequestBytes, ranges: Ranges) {
    super(info, ranges.count);
    this.#request = request;
    this.#ranges = ranges;
    this.#parents = { values: ranges.ownerIds(), validity: null };
  }

  override ids(path: string): IdColumn | null {
    return path === 'parent_id' ? this.#parents : null;
  }

  /** Checks every key and value. Throws OtlpDecodeError. */
  check(): void {
    named(this.info.name, () => checkAttributes(this.#request, this.#ranges));
  }

  protected override read(path: string): Column | null {
    return path === 'key' ? this.#keys() : this.#valuesRead().column(path);
  }

  protected override forget(): void {
    this.#values = null;
    this.#places = null;
  }

  protected override findKey(key: string): KeyRows {
    const wanted = Buffer.from(key);
    const { marks, keyStarts, keyEnds } = this.#located();
    const mark = markOf(wanted, 0, wanted.length);
    const { bytes } = this.#request;
    const rows: number[] = [];
    for (let row = marks.indexOf(mark); row !== -1; row = marks.indexOf(mark, row + 1)) {
      if (equals(bytes, keyStarts[row], keyEnds[row], wanted)) rows.push(row);
    }
    const { values } = this.#parents;
    return { rows: Uint32Array.from(rows), parents: Uint32Array.from(rows, (row) => values[row]) };
  }

  override valuesOf(rows: Uint32Array): RowsOfTable {
    const { source } = this.#request;
    const { values } = this.#located();
    const positions = int32Memory(source, rows.length);
    for (let index = 0; index < rows.length; index++) positions[index] = values[rows[index]];
    return { table: new ValueTable(this.info, this.#request, positions), rows: counting(source, rows.length) };
  }

  #keys(): Column {
    const { bytes, source, hashSeed } = this.#request;
    const { keyStarts, keyEnds } = this.#located();
    const store = new PoolStore(hashSeed);
    const codes = u32Memory(source, this.rowCount);
    for (let row = 0; row < codes.length; row++) codes[row] = store.codeOf(bytes, keyStarts[row], keyEnds[row]);
    return { kind: 'dictionary', type: 'utf8', length: codes.length, validity: null, codes, dictionary: { store, size: store.size } };
  }

  #valuesRead(): AnyValues {
    return (this.#values ??= new AnyValues(this.#request, this.#located().values, 1, 0, this.rowCount));
  }

  #located(): Places {
    return (this.#places ??= locate(this.#request, this.#ranges));
  }
}

function locate({ bytes, source }: RequestBytes, { starts, ends, count }: Ranges): Places {
  const places = {
    keyStarts: int32Memory(source, count), keyEnds: int32Memory(source, count), values: int32Memory(source, count), marks: u32Memory(source, count),
  };
  const { keyStarts, keyEnds, values, marks } = places;
  const parts: KeyValue = { keyStart: 0, keyEnd: 0, value: 0 };
  for (let row = 0; row < count; row++) {
    const start = starts[row];
    const valueTag = plainValueTag(bytes, start, ends[row]);
    if (valueTag === 0) readKeyValue(bytes, start, ends[row], parts);
    const keyStart = valueTag === 0 ? parts.keyStart : start + 2;
    const keyEnd = valueTag === 0 ? parts.keyEnd : valueTag;
    keyStarts[row] = keyStart;
    keyEnds[row] = keyEnd;
    values[row] = valueTag === 0 ? parts.value : valueTag + 1;
    marks[row] = markOf(bytes, keyStart, keyEnd);
  }
  return places;
}

/** Length, first, middle and last byte of a key. */
function markOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return 0;
  return ((length & 0xff) | (bytes[start] << 8) | (bytes[start + (length >>> 1)] << 16) | (bytes[end - 1] << 24)) >>> 0;
}

function equals(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) return false;
  for (let index = 0; index < wanted.length; index++) if (bytes[start + index] !== wanted[index]) return false;
  return true;
}
