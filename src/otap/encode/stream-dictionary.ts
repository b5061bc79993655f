import type { PoolColumn } from '../take/output-batch.ts';
import { ValuePool } from '../take/value-pool.ts';
import type { IndexWidth } from './leaf.ts';

/** Entries at which the known writers go on to a wider index. */
export const entriesMax = { u8: 255, u16: 65_535 } as const;

/** A receiver holds every dictionary of a stream in memory (the Go reader has 70 MB for all); so ours end here. */
export const dictionaryBytesMax = 1 << 20;

/** Code of a row that is null. */
export const nullEntry = 0xffffffff;

const unmapped = -1;

/** The entries of one column's dictionary in one IPC stream; entries from `sentCount` on are the next delta. */
export class StreamDictionary {
  readonly entries = new ValuePool(false);
  readonly #maps = new WeakMap<ValuePool, Int32Array>();
  sentCount = 0;

  /** The dictionary's codes of column rows order[i]; values that are new become entries. */
  encode(column: PoolColumn, order: Uint32Array): Uint32Array {
    const { codes, pool } = column;
    const map = this.#mapOf(pool);
    const encoded = new Uint32Array(order.length);
    for (let index = 0; index < order.length; index++) {
      const code = codes[order[index]];
      if (code < 0) {
        encoded[index] = nullEntry;
        continue;
      }
      let entry = map[code];
      if (entry === unmapped) map[code] = entry = this.entries.intern(pool.data, pool.offsets[code], pool.offsets[code + 1]);
      encoded[index] = entry;
    }
    return encoded;
  }

  /** Whether an index of this width still reaches every entry, and the dictionary is within its bytes. */
  fits(index: 'u8' | 'u16'): boolean {
    return this.entries.size <= entriesMax[index] && this.entries.byteLength <= dictionaryBytesMax;
  }

  #mapOf(pool: ValuePool): Int32Array {
    const known = this.#maps.get(pool);
    if (known !== undefined && known.length >= pool.size) return known;
    const map = new Int32Array(Math.max(pool.size, known === undefined ? 0 : known.length * 2)).fill(unmapped);
    if (known !== undefined) map.set(known);
    this.#maps.set(pool, map);
    return map;
  }
}

/**
 * The index of a column in a new schema, never narrower than `narrowest`: native where more than half of many values are different, since a
 * dictionary of such values only grows, else the narrowest that holds this batch's values.
 */
export function chooseIndex(narrowest: IndexWidth, column: PoolColumn | null): IndexWidth {
  if (narrowest === 'native' || column === null) return narrowest;
  const { valueCount, distinctCount, byteLength } = statisticsOf(column);
  const mostlyDifferent = distinctCount > entriesMax.u8 && distinctCount * 2 > valueCount;
  if (mostlyDifferent || distinctCount > entriesMax.u16 || byteLength > dictionaryBytesMax) return 'native';
  return narrowest === 'u8' && distinctCount <= entriesMax.u8 ? 'u8' : 'u16';
}

function statisticsOf({ codes, pool }: PoolColumn): { valueCount: number; distinctCount: number; byteLength: number } {
  const seen = new Uint8Array(pool.size);
  let valueCount = 0;
  let distinctCount = 0;
  let byteLength = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row];
    if (code < 0) continue;
    valueCount++;
    if (seen[code] === 1) continue;
    seen[code] = 1;
    distinctCount++;
    byteLength += pool.offsets[code + 1] - pool.offsets[code];
  }
  return { valueCount, distinctCount, byteLength };
}
