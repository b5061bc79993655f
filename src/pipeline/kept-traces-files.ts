import type { Session } from '../store/duckdb.ts';
import { TableWriter } from '../store/table-writer.ts';

/** Kept traces of one window as they are saved. */
export interface SavedKept {
  readonly slot: number;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly count: number;
  /** Trace ids, N and R, column by column, as DuckDB lays them out. */
  readonly columns: readonly [Uint8Array, Uint8Array, Uint8Array];
}

export const keptPrefix = 'kept-';
const widths = [16, 8, 8] as const;
const headBytes = 28;

export function keptFileOf(slot: number): string {
  return `${keptPrefix}${slot}.bin`;
}

/** 8 bytes each: slot, start, end (ns); 4: how many traces; then the columns. */
export function encodeKept({ slot, startNano, endNano, count, columns }: SavedKept): readonly Uint8Array[] {
  const head = new Uint8Array(headBytes);
  const view = new DataView(head.buffer);
  [BigInt(slot), startNano, endNano].forEach((value, index) => view.setBigUint64(index * 8, value, true));
  view.setUint32(24, count, true);
  return [head, ...columns];
}

/** Null where it is something else. */
export function decodeKept(body: Uint8Array): SavedKept | null {
  if (body.length < headBytes) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const count = view.getUint32(24, true);
  if (body.length !== headBytes + count * 32) return null;
  const column = (from: number, width: number): Uint8Array => body.slice(headBytes + from * count, headBytes + (from + width) * count);
  return { slot: Number(view.getBigUint64(0, true)), startNano: view.getBigUint64(8, true), endNano: view.getBigUint64(16, true), count, columns: [column(0, 16), column(16, 8), column(24, 8)] };
}

/** The columns of a window's table: trace_id, n, r. */
export async function readKept(engine: Session, table: string): Promise<Pick<SavedKept, 'count' | 'columns'>> {
  const { count, bytes } = (await engine.run(`SELECT trace_id, n::UBIGINT, r::UBIGINT FROM ${table}`)).columns([...widths]);
  return { count, columns: [bytes[0], bytes[1], bytes[2]] };
}

/** Makes a window's table of them again. */
export async function writeKept(engine: Session, table: string, { count, columns }: SavedKept): Promise<void> {
  const writer = await TableWriter.create(engine, table, [{ name: 'trace_id', type: 'UUID' }, { name: 'n', type: 'UBIGINT' }, { name: 'r', type: 'UBIGINT' }]);
  writer.write(count, columns.map((bytes) => ({ bytes, valid: null })));
  writer.flush();
  writer.close();
}
