import type { BatchLayout, IdColumn, OtapBatch, PayloadTable } from '../../src/otap/batch.ts';
import type { Column, DictionaryStore, PlainColumn } from '../../src/otap/column.ts';
import { type PayloadInfo, type PayloadName, type Signal, signalPayloads } from '../../src/otap/payload-type.ts';
import { type ColumnSpec, schemas, type ValueType } from '../../src/otap/schema.ts';

/** A value of a column: text, bytes, numbers, 64-bit integers, lists; null. */
export type Value = string | Uint8Array | number | bigint | boolean | readonly (readonly (number | bigint)[])[] | null;

/** Rows of each table by path, ids absolute. */
export type Rows = { readonly [name in PayloadName]?: readonly { readonly [path: string]: Value }[] };

/** A batch of given rows. `asDictionary` says which columns come as dictionaries, and is asked once for each column. */
export function batchOf(signal: Signal, rows: Rows, asDictionary: (path: string) => boolean = () => false): OtapBatch {
  const tables = new Map<PayloadName, PayloadTable>();
  for (const info of signalPayloads[signal]) {
    const own = rows[info.name];
    if (own !== undefined && own.length > 0) tables.set(info.name, tableOf(info, own, asDictionary));
  }
  const layout: BatchLayout = { signal, byteLength: 0 };
  return { signal, batchId: 0n, rowCount: rows[signalPayloads[signal][0].name]?.length ?? 0, table: (name) => tables.get(name) ?? null, layout };
}

function tableOf(info: PayloadInfo, rows: readonly { readonly [path: string]: Value }[], asDictionary: (path: string) => boolean): PayloadTable {
  const columns = new Map<string, Column>();
  const ids = new Map<string, IdColumn>();
  for (const spec of schemas[info.schema]) {
    const values = rows.map((row) => row[spec.path] ?? null);
    if (values.every((value) => value === null)) continue;
    const validity = validityOf(values);
    if (spec.idEncoding !== null) ids.set(spec.path, { values: Uint32Array.from(values, (value) => Number(value ?? 0)), validity });
    const dictionary = spec.dictionary !== 'none' || spec.type === 'duration' ? asDictionary(spec.path) : false;
    columns.set(spec.path, dictionary ? dictionaryOf(spec, values, validity) : plainOf(spec.type, values, validity));
  }
  const table: PayloadTable = {
    info,
    rowCount: rows.length,
    paths: [...columns.keys()],
    column: (path) => columns.get(path) ?? null,
    encodingMark: () => 'plain',
    ids: (path) => ids.get(path) ?? null,
    rowsOfKey: (key) => {
      const found = Uint32Array.from(rows.keys()).filter((row) => rows[row]['key'] === key);
      return { rows: found, parents: found.map((row) => Number(rows[row]['parent_id'])) };
    },
    valuesOf: (wanted) => ({ table, rows: wanted }),
    release: () => {},
  };
  return table;
}

function validityOf(values: readonly Value[]): Uint8Array | null {
  if (values.every((value) => value !== null)) return null;
  const bits = new Uint8Array((values.length + 7) >> 3);
  values.forEach((value, row) => {
    if (value !== null) bits[row >> 3] |= 1 << (row & 7);
  });
  return bits;
}

/** Null slots hold rubbish, as Arrow allows. */
function plainOf(type: ValueType, values: readonly Value[], validity: Uint8Array | null): Column {
  const common = { type, length: values.length, validity };
  const numbers = values.map((value) => Number(value ?? 77));
  switch (type) {
    case 'u8':
      return { ...common, kind: 'fixed', values: Uint8Array.from(numbers) };
    case 'u16':
      return { ...common, kind: 'fixed', values: Uint16Array.from(numbers) };
    case 'u32':
      return { ...common, kind: 'fixed', values: Uint32Array.from(numbers) };
    case 'i32':
      return { ...common, kind: 'fixed', values: Int32Array.from(numbers) };
    case 'f64':
      return { ...common, kind: 'fixed', values: Float64Array.from(numbers) };
    case 'bool':
      return { ...common, kind: 'bool', bits: packed(values.map((value) => value === true || value === null)) };
    case 'fixed8':
    case 'fixed16': {
      const width = type === 'fixed8' ? 8 : 16;
      return { ...common, kind: 'fixed_binary', width, data: concat(values.map((value) => bytesOf(value, width))) };
    }
    case 'utf8':
    case 'binary': {
      const parts = values.map((value) => bytesOf(value, 3));
      return { ...common, kind: 'bytes', offsets: offsetsOf(parts.map((part) => part.length)), data: concat(parts) };
    }
    case 'list_u64':
    case 'list_f64':
    case 'list_quantile':
      return listOf(type, values, validity);
    default:
      return { ...common, kind: 'wide', values: BigInt64Array.from(values, (value) => BigInt.asIntN(64, typeof value === 'bigint' ? value : 77n)) };
  }
}

function listOf(type: 'list_u64' | 'list_f64' | 'list_quantile', values: readonly Value[], validity: Uint8Array | null): Column {
  const lists = values.map((value) => (Array.isArray(value) ? (value as readonly (readonly (number | bigint)[])[]) : [[], []]));
  const child = (index: number): PlainColumn => {
    const flat = lists.flatMap((list) => [...(list[index] ?? [])]);
    const common = { length: flat.length, validity: null };
    return type === 'list_u64'
      ? { ...common, kind: 'wide', type: 'u64', values: BigUint64Array.from(flat, BigInt) }
      : { ...common, kind: 'fixed', type: 'f64', values: Float64Array.from(flat, Number) };
  };
  const children = type === 'list_quantile' ? [child(0), child(1)] : [child(0)];
  return { kind: 'list', type, length: values.length, validity, offsets: offsetsOf(lists.map((list) => list[0].length)), children };
}

/** A dictionary that holds every value, some of them twice, in an order of its own. */
function dictionaryOf(spec: ColumnSpec, values: readonly Value[], validity: Uint8Array | null): Column {
  const entries = [...values.filter((value) => value !== null)].reverse();
  const keyed = new Map(entries.map((value, code) => [keyOf(value), code]));
  const codes = Uint16Array.from(values, (value) => (value === null ? 0 : (keyed.get(keyOf(value)) ?? 0)));
  return { kind: 'dictionary', type: spec.type, length: values.length, validity, codes, dictionary: { store: storeOf(spec.type, entries), size: entries.length } };
}

function keyOf(value: Value): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : `${typeof value}${String(value)}`;
}

function storeOf(type: ValueType, entries: readonly Value[]): DictionaryStore {
  return {
    type,
    size: entries.length,
    byteLength: 0,
    text: (code) => String(entries[code]),
    bytes: (code) => bytesOf(entries[code], 0),
    number: (code) => Number(entries[code]),
    bigint: (code) => BigInt(String(entries[code])),
    isNull: () => false,
  };
}

function bytesOf(value: Value, nullLength: number): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? Buffer.from(value) : new Uint8Array(nullLength).fill(0x77);
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, index) => (offsets[index + 1] = offsets[index] + length));
  return offsets;
}

function packed(flags: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array((flags.length + 7) >> 3);
  flags.forEach((flag, row) => (bits[row >> 3] |= flag ? 1 << (row & 7) : 0));
  return bits;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
