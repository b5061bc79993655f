import type { Column, PlainColumn } from '../../otap/column.ts';
import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';
import * as shapes from '../proto-fields.ts';
import { asF64, asU64, u32Memory } from './column-memory.ts';
import { wideField } from './field-columns.ts';
import { int32Memory, type Ranges } from './ranges.ts';
import { pastVarint, varint64At } from './varint.ts';
import { type RequestBytes, walk } from './walk.ts';

/** Lists of 8-byte numbers, one a row: packed chunks and single elements in the order in which they came; a row without is an empty list. */
export function fixedLists(request: RequestBytes, chunks: Ranges, rowCount: number, type: 'list_u64' | 'list_f64'): Column | null {
  if (chunks.count === 0) return null;
  const { view, source } = request;
  const counts = (chunk: number): number => {
    const length = chunks.ends[chunk] - chunks.starts[chunk];
    if (length % 8 !== 0) throw malformedProtobuf(`packed 8-byte numbers of ${length} bytes`, chunks.starts[chunk]);
    return length / 8;
  };
  const offsets = listOffsets(request, chunks, rowCount, counts);
  const words = u32Memory(source, offsets[rowCount] * 2);
  for (let chunk = 0, to = 0; chunk < chunks.count; chunk++) {
    for (let at = chunks.starts[chunk]; at < chunks.ends[chunk]; at += 4) words[to++] = view.getUint32(at, true);
  }
  return listColumn(type, offsets, words, rowCount);
}

/** As `fixedLists`, of varints. */
export function varintLists(request: RequestBytes, chunks: Ranges, rowCount: number): Column | null {
  if (chunks.count === 0) return null;
  const { bytes, source } = request;
  const counts = (chunk: number): number => {
    let count = 0;
    for (let at = chunks.starts[chunk]; at < chunks.ends[chunk]; count++) at = pastVarint(bytes, at, chunks.ends[chunk]);
    return count;
  };
  const offsets = listOffsets(request, chunks, rowCount, counts);
  const words = u32Memory(source, offsets[rowCount] * 2);
  for (let chunk = 0, to = 0; chunk < chunks.count; chunk++) {
    for (let at = chunks.starts[chunk]; at < chunks.ends[chunk]; to += 2) at = varint64At(bytes, at, words, to);
  }
  return listColumn('list_u64', offsets, words, rowCount);
}

/** Pairs of quantile and value, one list a row. */
export function quantileLists(request: RequestBytes, pairs: Ranges, rowCount: number): Column | null {
  if (pairs.count === 0) return null;
  const rows = walk(request, shapes.valueAtQuantile, pairs);
  const offsets = listOffsets(request, pairs, rowCount, () => 1);
  const { quantile, value } = shapes.valueAtQuantile.slots;
  const child = (slot: number): PlainColumn => doubles(wideField(slot, 'f64', 'zero')(rows), pairs.count);
  return { kind: 'list', type: 'list_quantile', length: rowCount, validity: null, offsets, children: [child(quantile), child(value)] };
}

function doubles(column: Column | null, length: number): PlainColumn {
  if (column?.kind === 'fixed') return column;
  return { kind: 'fixed', type: 'f64', length, validity: null, values: new Float64Array(length) };
}

/** Offsets of lists; chunks go by their owners, which never fall. */
function listOffsets({ source }: RequestBytes, chunks: Ranges, rowCount: number, countOf: (chunk: number) => number): Int32Array {
  const offsets = int32Memory(source, rowCount + 1);
  let row = 0;
  let total = 0;
  for (let chunk = 0; chunk < chunks.count; chunk++) {
    for (; row <= chunks.owners[chunk]; row++) offsets[row] = total;
    total += countOf(chunk);
  }
  for (; row <= rowCount; row++) offsets[row] = total;
  return offsets;
}

function listColumn(type: 'list_u64' | 'list_f64', offsets: Int32Array, words: Uint32Array, rowCount: number): Column {
  const length = words.length / 2;
  const child: PlainColumn = type === 'list_u64'
    ? { kind: 'wide', type: 'u64', length, validity: null, values: asU64(words) }
    : { kind: 'fixed', type: 'f64', length, validity: null, values: asF64(words) };
  return { kind: 'list', type, length: rowCount, validity: null, offsets, children: [child] };
}
