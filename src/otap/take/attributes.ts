import type { PayloadTable } from '../batch.ts';
import { type ItemStamps, replacedStamps, stampKeys } from './item-stamps.ts';
import type { TableBuilder } from './table-builder.ts';

/** Codes of the `type` column of attributes and bodies (OTAP specification, section 5.5.1). */
export const valueTypes = { EMPTY: 0, STR: 1, INT: 2, DOUBLE: 3, BOOL: 4, MAP: 5, SLICE: 6, BYTES: 7 } as const;

/**
 * Appends attributes. A value of type str, int, double, bool or bytes that the source left null becomes the type's zero value,
 * as every writer means it; so rows that readers compare for the quasi-delta encoding are never null.
 */
export function appendAttributes(table: TableBuilder, source: PayloadTable, rows: Uint32Array, count: number, parents: Uint32Array): void {
  const base = table.rowCount;
  table.append(source, rows, count, parents);
  const types = table.raw('type').words;
  const str = table.pool('str');
  const int = table.pool('int');
  const bytes = table.pool('bytes');
  for (let row = base; row < table.rowCount; row++) {
    const type = types[row];
    if (type === valueTypes.STR) {
      if (str.code(row) < 0) str.setZero(row);
    } else if (type === valueTypes.INT) {
      if (int.code(row) < 0) int.setZero(row);
    } else if (type === valueTypes.DOUBLE) table.raw('double').revalidate(row);
    else if (type === valueTypes.BOOL) table.raw('bool').revalidate(row);
    else if (type === valueTypes.BYTES && bytes.code(row) < 0) bytes.setZero(row);
  }
}

/** Removes from rows[0, count) the attributes that stamps replace; gives how many are left, moved to the front with their parents. */
export function dropStamped(source: PayloadTable, stamps: ItemStamps, rows: Uint32Array, parents: Uint32Array, count: number): number {
  const dropped = droppedRows(source, stamps);
  if (dropped.size === 0) return count;
  let left = 0;
  for (let index = 0; index < count; index++) {
    if (dropped.has(rows[index])) continue;
    rows[left] = rows[index];
    parents[left++] = parents[index];
  }
  return left;
}

function droppedRows(source: PayloadTable, stamps: ItemStamps): Set<number> {
  return new Set(replacedStamps(stamps).flatMap((name) => [...source.rowsOfKey(stampKeys[name]).rows]));
}

/** Appends the attributes that stamps write on root rows base + i. */
export function appendStamps(table: TableBuilder, stamps: ItemStamps, base: number): void {
  appendCounts(table, stamps.adjustedCount, base);
  if (stamps.threshold !== null) appendTexts(table, stampKeys.threshold, stamps.threshold, base);
  if (stamps.randomness !== null) appendTexts(table, stampKeys.randomness, stamps.randomness, base);
  const { policy = null, partial = null } = stamps;
  if (policy !== null) appendTexts(table, stampKeys.policy, policy, base);
  if (partial !== null) appendTexts(table, stampKeys.partial, Array.from(stamps.adjustedCount, () => partial), base);
}

function appendCounts(table: TableBuilder, counts: Float64Array, base: number): void {
  const roots = new Uint32Array(counts.length);
  const written = new Float64Array(counts.length);
  let length = 0;
  for (let item = 0; item < counts.length; item++) {
    if (Number.isNaN(counts[item])) continue;
    roots[length] = base + item;
    written[length++] = counts[item];
  }
  const first = appendKeys(table, stampKeys.adjustedCount, valueTypes.DOUBLE, roots, length);
  const doubles = table.raw('double');
  doubles.reserve(first, first + length);
  doubles.words.set(new Uint32Array(written.buffer, 0, length * 2), first * 2);
}

function appendTexts(table: TableBuilder, key: string, texts: readonly (string | null)[], base: number): void {
  const roots = new Uint32Array(texts.length);
  const codes = new Int32Array(texts.length);
  const values = table.pool('str');
  let length = 0;
  for (let item = 0; item < texts.length; item++) {
    const text = texts[item];
    if (text === null) continue;
    roots[length] = base + item;
    codes[length++] = values.pool.internText(text);
  }
  const first = appendKeys(table, key, valueTypes.STR, roots, length);
  values.reserve(first, first + length);
  values.codes.set(codes.subarray(0, length), first);
}

/** Appends an attribute's key and type for roots[0, count); gives the first row. */
function appendKeys(table: TableBuilder, key: string, type: number, roots: Uint32Array, count: number): number {
  const first = table.addRows(count, roots);
  const keys = table.pool('key');
  keys.reserve(first, first + count);
  keys.codes.fill(keys.pool.internText(key), first, first + count);
  const types = table.raw('type');
  types.reserve(first, first + count);
  types.words.fill(type, first, first + count);
  return first;
}
