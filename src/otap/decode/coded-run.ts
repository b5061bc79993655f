import type { Column } from '../column.ts';
import { idOverflow, type EncodedIds } from './transport-ids.ts';

/**
 * Parents of rows [from, to) of one type, written to `ids`, in one pass: a delta to the row before where key and value have its codes,
 * else absolute (OTAP specification, 6.4.3). False, and nothing written, where the columns are not as writers mostly have them: keys
 * by u8 codes, values by u8 or u16 codes, parents of u16, nothing null. Throws INVALID_ARGUMENT / id_overflow.
 */
export function decodeCodedRun(encoded: EncodedIds, key: Column | null, value: Column, from: number, to: number, ids: Uint32Array): boolean {
  const { values: deltas } = encoded;
  if (key?.kind !== 'dictionary' || value.kind !== 'dictionary' || !(deltas instanceof Uint16Array)) return false;
  if (!(key.codes instanceof Uint8Array) || key.validity !== null || !isAllValid(value.validity, from, to)) return false;
  const values = value.codes;
  if (values instanceof Uint32Array) return false;
  const reach = values instanceof Uint16Array
    ? decodeU16(deltas, key.codes, values, from, to, ids)
    : decodeU8(deltas, key.codes, values, from, to, ids);
  if (reach > encoded.idMax) throw overflowIn(encoded, from, to, ids);
  return true;
}

/** Gives the greatest id; a sum that leaves 32 bits has passed 2^16 before, which counts. */
function decodeU16(deltas: Uint16Array, keys: Uint8Array, values: Uint16Array, from: number, to: number, ids: Uint32Array): number {
  let id = deltas[from];
  let greatest = id;
  ids[from] = id;
  for (let row = from + 1; row < to; row++) {
    const isSame = keys[row] === keys[row - 1] && values[row] === values[row - 1];
    id = isSame ? id + deltas[row] : deltas[row];
    if (id > greatest) greatest = id;
    ids[row] = id;
  }
  return greatest;
}

function decodeU8(deltas: Uint16Array, keys: Uint8Array, values: Uint8Array, from: number, to: number, ids: Uint32Array): number {
  let id = deltas[from];
  let greatest = id;
  ids[from] = id;
  for (let row = from + 1; row < to; row++) {
    const isSame = keys[row] === keys[row - 1] && values[row] === values[row - 1];
    id = isSame ? id + deltas[row] : deltas[row];
    if (id > greatest) greatest = id;
    ids[row] = id;
  }
  return greatest;
}

function overflowIn(encoded: EncodedIds, from: number, to: number, ids: Uint32Array): Error {
  let row = from;
  while (row < to - 1 && ids[row] <= encoded.idMax) row++;
  return idOverflow(encoded, row, ids[row]);
}

function isAllValid(validity: Uint8Array | null, from: number, to: number): boolean {
  if (validity === null) return true;
  for (let row = from; row < to; ) {
    if ((row & 7) === 0 && row + 8 <= to) {
      if (validity[row >>> 3] !== 0xff) return false;
      row += 8;
    } else {
      if ((validity[row >>> 3] & (1 << (row & 7))) === 0) return false;
      row++;
    }
  }
  return true;
}
