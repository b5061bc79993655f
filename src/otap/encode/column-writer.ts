import type { ListColumn, OutputColumn, PoolColumn, RawColumn, RowValidity } from '../take/output-batch.ts';
import { copyWords, newWords, widthOf } from '../take/value-bytes.ts';
import type { ValuePool } from '../take/value-pool.ts';
import type { BodyWriter } from './body-writer.ts';
import type { Leaf } from './leaf.ts';
import { nullEntry } from './stream-dictionary.ts';
import { separateNaNs } from './transport-ids.ts';

/** What is done to values that readers compare with their neighbours in different ways (docs/otap.md). */
export interface ComparedValues {
  /** Neighbouring NaNs of the same bits get different ones. */
  readonly separateNaNs: boolean;
  /** What null slots hold, low word and high word: the Rust engine compares them too, so it is no likely value. Null: zeros. */
  readonly nullSlot: readonly [number, number] | null;
}

/** Nodes and buffers of a leaf, as `BodyWriter.begin` wants to know them before. */
export function shapeOf({ spec, index }: Leaf): { readonly nodes: number; readonly buffers: number } {
  if (index !== 'native') return { nodes: 1, buffers: 2 };
  if (spec.type === 'utf8' || spec.type === 'binary') return { nodes: 1, buffers: 3 };
  if (spec.type === 'list_u64' || spec.type === 'list_f64') return { nodes: 2, buffers: 4 };
  return spec.type === 'list_quantile' ? { nodes: 4, buffers: 7 } : { nodes: 1, buffers: 2 };
}

/** Writes ids, which are never null. */
export function writeIds(body: BodyWriter, leaf: Leaf, ids: Uint32Array): void {
  body.node(ids.length, 0);
  body.absent();
  body.buffer(bytesOf(leaf.spec.type === 'u16' ? Uint16Array.from(ids) : ids));
}

/** Writes dictionary codes; null rows hold the code 0. */
export function writeCodes(body: BodyWriter, leaf: Leaf, codes: Uint32Array): void {
  const validity = new Uint8Array(codes.length);
  for (let row = 0; row < codes.length; row++) validity[row] = codes[row] === nullEntry ? 0 : 1;
  writeValidity(body, codes.length, validity);
  body.buffer(leaf.index === 'u8' ? narrowed8(codes) : bytesOf(narrowed16(codes)));
}

function narrowed8(codes: Uint32Array): Uint8Array {
  const narrow = new Uint8Array(codes.length);
  for (let row = 0; row < codes.length; row++) narrow[row] = codes[row] === nullEntry ? 0 : codes[row];
  return narrow;
}

function narrowed16(codes: Uint32Array): Uint16Array {
  const narrow = new Uint16Array(codes.length);
  for (let row = 0; row < codes.length; row++) narrow[row] = codes[row] === nullEntry ? 0 : codes[row];
  return narrow;
}

/** Writes the values of rows order[i]; a column that is null has no values at all. */
export function writeColumn(body: BodyWriter, leaf: Leaf, column: OutputColumn | null, order: Uint32Array, compared: ComparedValues | null): void {
  if (column === null) writeEmpty(body, leaf, order.length);
  else if (column.kind === 'list') writeLists(body, column, order);
  else if (column.kind === 'pool') writePooled(body, leaf, column, order, compared);
  else writeRaw(body, column, order, compared);
}

/** Entries [from, to) of a pool as a dictionary's values. */
export function writeEntries(body: BodyWriter, leaf: Leaf, pool: ValuePool, from: number, to: number): void {
  body.node(to - from, 0);
  body.absent();
  const start = pool.offsets[from];
  if (widthOf(leaf.spec.type) === 0) {
    const offsets = new Int32Array(to - from + 1);
    for (let code = from; code <= to; code++) offsets[code - from] = pool.offsets[code] - start;
    body.buffer(bytesOf(offsets));
  }
  body.buffer(pool.data.subarray(start, pool.offsets[to]));
}

/** Node and validity buffer of a column: absent where nothing is null. */
function writeValidity(body: BodyWriter, rowCount: number, validity: RowValidity): void {
  let nullCount = 0;
  if (validity !== null) for (let row = 0; row < rowCount; row++) nullCount += 1 - validity[row];
  body.node(rowCount, nullCount);
  if (nullCount === 0 || validity === null) body.absent();
  else body.buffer(packBits(validity, rowCount));
}

function packBits(flags: Uint8Array, count: number): Uint8Array {
  const bits = new Uint8Array((count + 7) >> 3);
  for (let row = 0; row < count; row++) bits[row >> 3] |= flags[row] << (row & 7);
  return bits;
}

function gatherValidity(validity: RowValidity, order: Uint32Array): RowValidity {
  if (validity === null) return null;
  const gathered = new Uint8Array(order.length);
  for (let index = 0; index < order.length; index++) gathered[index] = validity[order[index]];
  return gathered;
}

function writeRaw(body: BodyWriter, column: RawColumn, order: Uint32Array, compared: ComparedValues | null): void {
  const words = newWords(column.type, order.length * column.wordsPerValue);
  copyWords(column.words, order, order.length, column.wordsPerValue, words, 0);
  const validity = gatherValidity(column.validity, order);
  if (words instanceof Uint32Array && compared !== null) {
    if (compared.separateNaNs) separateNaNs(words);
    fillNullSlots(words, validity, compared);
  }
  writeValidity(body, order.length, validity);
  body.buffer(words instanceof Uint8Array && column.type === 'bool' ? packBits(words, order.length) : bytesOf(words));
}

function fillNullSlots(words: Uint32Array, validity: RowValidity, { nullSlot }: ComparedValues): void {
  if (validity === null || nullSlot === null) return;
  for (let row = 0; row < validity.length; row++) {
    if (validity[row] === 1) continue;
    words[row * 2] = nullSlot[0];
    words[row * 2 + 1] = nullSlot[1];
  }
}

function writePooled(body: BodyWriter, leaf: Leaf, { codes, pool }: PoolColumn, order: Uint32Array, compared: ComparedValues | null): void {
  const validity = new Uint8Array(order.length);
  const offsets = new Int32Array(order.length + 1);
  for (let index = 0; index < order.length; index++) {
    const code = codes[order[index]];
    validity[index] = code < 0 ? 0 : 1;
    offsets[index + 1] = offsets[index] + (code < 0 ? 0 : pool.offsets[code + 1] - pool.offsets[code]);
  }
  writeValidity(body, order.length, validity);
  const width = widthOf(leaf.spec.type);
  const data = new Uint8Array(width === 0 ? offsets[order.length] : width * order.length);
  for (let index = 0; index < order.length; index++) {
    const code = codes[order[index]];
    if (code >= 0) copyBytes(pool.data, pool.offsets[code], pool.offsets[code + 1], data, width === 0 ? offsets[index] : width * index);
  }
  if (width === 8 && compared !== null) fillNullSlots(new Uint32Array(data.buffer), validity, compared);
  if (width === 0) body.buffer(bytesOf(offsets));
  body.buffer(data);
}

function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 64) target.set(source.subarray(start, end), at);
  else for (let from = start, to = at; from < end; from++, to++) target[to] = source[from];
}

function writeLists(body: BodyWriter, column: ListColumn, order: Uint32Array): void {
  writeValidity(body, order.length, gatherValidity(column.validity, order));
  const offsets = new Int32Array(order.length + 1);
  for (let index = 0; index < order.length; index++) {
    offsets[index + 1] = offsets[index] + column.offsets[order[index] + 1] - column.offsets[order[index]];
  }
  body.buffer(bytesOf(offsets));
  const elementCount = offsets[order.length];
  if (column.children.length > 1) writeStruct(body, elementCount);
  for (const child of column.children) {
    const words = new Uint32Array(elementCount * 2);
    for (let index = 0; index < order.length; index++) {
      const start = column.offsets[order[index]] * 2;
      words.set(child.subarray(start, column.offsets[order[index] + 1] * 2), offsets[index] * 2);
    }
    body.node(elementCount, 0);
    body.absent();
    body.buffer(bytesOf(words));
  }
}

/** Node and validity of a struct, which is never null itself. */
export function writeStruct(body: BodyWriter, rowCount: number): void {
  body.node(rowCount, 0);
  body.absent();
}

/** A column of zeros: valid where it is required, else all null. */
function writeEmpty(body: BodyWriter, leaf: Leaf, rowCount: number): void {
  const { type } = leaf.spec;
  writeValidity(body, rowCount, leaf.required ? null : new Uint8Array(rowCount));
  const children = type === 'list_quantile' ? 2 : type === 'list_u64' || type === 'list_f64' ? 1 : 0;
  const width = widthOf(type);
  if (width === 0) body.buffer(new Uint8Array(4 * (rowCount + 1)));
  if (children > 1) writeStruct(body, 0);
  for (let child = 0; child < children; child++) {
    body.node(0, 0);
    body.absent();
    body.absent();
  }
  if (children === 0) body.buffer(new Uint8Array(type === 'bool' ? (rowCount + 7) >> 3 : width * rowCount));
}

function bytesOf(array: Uint8Array | Uint16Array | Uint32Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
