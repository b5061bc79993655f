import type { IdColumn, OtapBatch, PayloadTable } from '../../otap/batch.ts';
import type { Column } from '../../otap/column.ts';
import { type PayloadInfo, type PayloadName, rootPayload, signalPayloads } from '../../otap/payload-type.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import { schemas, type ValueType } from '../../otap/schema.ts';

/** A value of a column: text, bytes, a number, a 64-bit integer or a flag; null where there is none. */
export type Cell = string | Uint8Array | number | bigint | boolean | null;

/** A row by column path (`status.code`); ids absolute. Paths that are missing are null. */
export type Row = { readonly [path: string]: Cell };

export type Tables = { readonly [name in PayloadName]?: readonly Row[] };

/** A batch whose tables hold these rows, as plain columns. The rows' types must be those of src/otap/schema.ts. */
export function rowBatch(signal: SampledSignal, tables: Tables): OtapBatch {
  const built = new Map<PayloadName, PayloadTable>();
  for (const info of signalPayloads[signal]) {
    const rows = tables[info.name] ?? [];
    if (rows.length > 0) built.set(info.name, tableOf(info, rows));
  }
  return {
    signal, batchId: 0n, rowCount: tables[rootPayload[signal].name]?.length ?? 0,
    table: (name) => built.get(name) ?? null, layout: { signal, byteLength: 0 },
  };
}

function tableOf(info: PayloadInfo, rows: readonly Row[]): PayloadTable {
  const columns = new Map<string, Column>();
  const ids = new Map<string, IdColumn>();
  for (const { path, type, idEncoding } of schemas[info.schema]) {
    const cells = rows.map((row) => row[path] ?? null);
    if (cells.every((cell) => cell === null)) continue;
    const validity = validityOf(cells);
    if (idEncoding !== null) ids.set(path, { values: Uint32Array.from(cells, (cell) => Number(cell ?? 0)), validity });
    columns.set(path, columnOf(type, cells, validity));
  }
  const table: PayloadTable = {
    info, rowCount: rows.length, paths: [...columns.keys()],
    column: (path) => columns.get(path) ?? null,
    encodingMark: () => 'plain',
    ids: (path) => ids.get(path) ?? null,
    rowsOfKey: (key) => {
      const found = Uint32Array.from(rows.keys()).filter((row) => rows[row]['key'] === key);
      return { rows: found, parents: found.map((row) => Number(rows[row]['parent_id'])) };
    },
    valuesOf: (wanted) => ({ table, rows: wanted }),
    release: () => undefined,
  };
  return table;
}

function validityOf(cells: readonly Cell[]): Uint8Array | null {
  if (cells.every((cell) => cell !== null)) return null;
  return packed(cells.map((cell) => cell !== null));
}

function packed(flags: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array((flags.length + 7) >> 3);
  flags.forEach((flag, row) => {
    if (flag) bits[row >> 3] |= 1 << (row & 7);
  });
  return bits;
}

function columnOf(type: ValueType, cells: readonly Cell[], validity: Uint8Array | null): Column {
  const common = { type, length: cells.length, validity };
  switch (type) {
    case 'u8':
      return { ...common, kind: 'fixed', values: Uint8Array.from(cells, Number) };
    case 'u16':
      return { ...common, kind: 'fixed', values: Uint16Array.from(cells, Number) };
    case 'u32':
      return { ...common, kind: 'fixed', values: Uint32Array.from(cells, Number) };
    case 'i32':
      return { ...common, kind: 'fixed', values: Int32Array.from(cells, Number) };
    case 'f64':
      return { ...common, kind: 'fixed', values: Float64Array.from(cells, Number) };
    case 'bool':
      return { ...common, kind: 'bool', bits: packed(cells.map((cell) => cell === true)) };
    case 'fixed8':
    case 'fixed16': {
      const width = type === 'fixed8' ? 8 : 16;
      return { ...common, kind: 'fixed_binary', width, data: joined(cells.map((cell) => (cell instanceof Uint8Array ? cell : new Uint8Array(width)))) };
    }
    case 'utf8':
    case 'binary':
      return { ...common, kind: 'bytes', ...runs(cells.map((cell) => (cell instanceof Uint8Array ? cell : Buffer.from(cell === null ? '' : String(cell))))) };
    default:
      return { ...common, kind: 'wide', values: BigInt64Array.from(cells, (cell) => (typeof cell === 'bigint' ? BigInt.asIntN(64, cell) : 0n)) };
  }
}

function runs(parts: readonly Uint8Array[]): { readonly offsets: Int32Array; readonly data: Uint8Array } {
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, row) => {
    offsets[row + 1] = offsets[row] + part.length;
  });
  return { offsets, data: joined(parts) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
