import { type ColumnData, type ColumnType, columnTypes } from './table-writer.ts';

/** The rows `rows` of a column; all of them where `rows` is null. */
export function pick(data: ColumnData, rows: Uint32Array | null, type: ColumnType): ColumnData {
  if (rows === null) return data;
  if ('texts' in data) return { texts: Array.from(rows, (row) => data.texts[row]) };
  return {
    bytes: gather(data.bytes, rows, columnTypes[type].width),
    valid: data.valid === null ? null : gather(data.valid, rows, 1),
  };
}

function gather(bytes: Uint8Array, rows: Uint32Array, width: number): Uint8Array {
  const out = new Uint8Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i] * width;
    for (let b = 0; b < width; b++) out[i * width + b] = bytes[from + b];
  }
  return out;
}
