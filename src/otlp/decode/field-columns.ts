import type { Column } from '../../otap/column.ts';
import type { ValueType } from '../../otap/schema.ts';
import { asF64, asI64, asU64, u32Memory, u8Memory, Validity } from './column-memory.ts';
import { invalidId } from './errors.ts';
import { PoolStore } from './stores.ts';
import { lengthAt, startAt, unzigzag, varint32At } from './varint.ts';
import type { MessageRows } from './walk.ts';

/** Reads one column of rows of a message; null where no row has the field and it may be left out. */
export type ReadField = (rows: MessageRows) => Column | null;

/** What OTAP says of a column whose field is absent from a row: null, or the type's zero. */
export type Absent = 'null' | 'zero';

function isSeen({ seen }: MessageRows, slot: number): boolean {
  return (seen & (1 << slot)) !== 0;
}

/** Text by codes of a dictionary of its own. An empty text is as absent a one: null, or, where `absent` is zero, the empty text. */
export function textField(slot: number, absent: Absent): ReadField {
  return (rows) => {
    if (absent === 'null' && !isSeen(rows, slot)) return null;
    const { request: { bytes, source, hashSeed }, positions, count, shape: { slotCount } } = rows;
    const store = new PoolStore(hashSeed);
    const codes = u32Memory(source, count);
    const validity = new Validity(source, count);
    for (let row = 0, from = slot; row < count; row++, from += slotCount) {
      const at = positions[from];
      const length = at === 0 ? 0 : lengthAt(bytes, at);
      if (length > 0) {
        const start = startAt(bytes, at);
        codes[row] = store.codeOf(bytes, start, start + length);
      } else if (absent === 'zero') codes[row] = store.codeOf(bytes, 0, 0);
      else {
        codes[row] = 0;
        validity.clear(row);
      }
    }
    return { kind: 'dictionary', type: 'utf8', length: count, validity: validity.finish(), codes, dictionary: { store, size: store.size } };
  };
}

/** Ids of 16 or 8 bytes. Throws INVALID_ARGUMENT / invalid_id. */
export function idField(path: string, slot: number, width: 8 | 16, absent: Absent): ReadField {
  return (rows) => {
    if (absent === 'null' && !isSeen(rows, slot)) return null;
    const { request: { bytes, source }, positions, count, shape: { slotCount } } = rows;
    const data = u8Memory(source, count * width).fill(0);
    const validity = new Validity(source, count);
    for (let row = 0, from = slot, to = 0; row < count; row++, from += slotCount, to += width) {
      const at = positions[from];
      const length = at === 0 ? 0 : lengthAt(bytes, at);
      if (length === width) for (let index = 0, start = startAt(bytes, at); index < width; index++) data[to + index] = bytes[start + index];
      else if (length === 0) {
        if (absent === 'null') validity.clear(row);
      } else throw invalidId(path, length, width);
    }
    return { kind: 'fixed_binary', type: width === 16 ? 'fixed16' : 'fixed8', length: count, validity: validity.finish(), width, data };
  };
}

/** A varint of 32 bits or an enum; a row without it has 0. */
export function varintField(slot: number, type: 'u32' | 'i32' | 'sint32'): ReadField {
  return (rows) => {
    if (!isSeen(rows, slot)) return null;
    const { request: { bytes, source }, positions, count, shape: { slotCount } } = rows;
    const values = u32Memory(source, count);
    for (let row = 0, from = slot; row < count; row++, from += slotCount) {
      const at = positions[from];
      values[row] = at === 0 ? 0 : type === 'sint32' ? unzigzag(varint32At(bytes, at)) : varint32At(bytes, at);
    }
    const common = { kind: 'fixed', length: count, validity: null } as const;
    return type === 'u32' ? { ...common, type, values } : { ...common, type: 'i32', values: new Int32Array(values.buffer, values.byteOffset, count) };
  };
}

/** fixed32; a row without it has 0. */
export function fixed32Field(slot: number): ReadField {
  return (rows) => {
    if (!isSeen(rows, slot)) return null;
    const { request: { view, source }, positions, count, shape: { slotCount } } = rows;
    const values = u32Memory(source, count);
    for (let row = 0, from = slot; row < count; row++, from += slotCount) {
      const at = positions[from];
      values[row] = at === 0 ? 0 : view.getUint32(at, true);
    }
    return { kind: 'fixed', type: 'u32', length: count, validity: null, values };
  };
}

/**
 * fixed64, sfixed64 or double. With `other`, the slot of the other member of a oneof, a row whose other member comes later has none.
 */
export function wideField(slot: number, type: 'timestamp' | 'u64' | 'i64' | 'f64', absent: Absent, other: number | null = null): ReadField {
  return (rows) => {
    if (!isSeen(rows, slot)) return null;
    const { request: { view, source }, positions, count, shape: { slotCount } } = rows;
    const words = u32Memory(source, count * 2);
    const validity = new Validity(source, count);
    for (let row = 0, from = 0; row < count; row++, from += slotCount) {
      const at = positions[from + slot];
      if (at === 0 || (other !== null && positions[from + other] > at)) {
        words[row * 2] = words[row * 2 + 1] = 0;
        if (absent === 'null') validity.clear(row);
      } else {
        words[row * 2] = view.getUint32(at, true);
        words[row * 2 + 1] = view.getUint32(at + 4, true);
      }
    }
    return wideColumn(type, words, validity.finish());
  };
}

/** Column of 64-bit values, two words a row. */
export function wideColumn(type: ValueType, words: Uint32Array, validity: Uint8Array | null): Column {
  const length = words.length / 2;
  if (type === 'f64') return { kind: 'fixed', type, length, validity, values: asF64(words) };
  return { kind: 'wide', type, length, validity, values: type === 'u64' ? asU64(words) : asI64(words) };
}

/** `to` - `from`, both fixed64, as OTAP has a span's duration: modulo 2^64, so that any end comes back. */
export function differenceField(from: number, to: number): ReadField {
  return ({ request: { view, source }, positions, count, shape: { slotCount } }) => {
    const words = u32Memory(source, count * 2);
    for (let row = 0, base = 0; row < count; row++, base += slotCount) {
      const start = positions[base + from];
      const end = positions[base + to];
      const startLow = start === 0 ? 0 : view.getUint32(start, true);
      const startHigh = start === 0 ? 0 : view.getUint32(start + 4, true);
      const endLow = end === 0 ? 0 : view.getUint32(end, true);
      const endHigh = end === 0 ? 0 : view.getUint32(end + 4, true);
      words[row * 2] = endLow - startLow;
      words[row * 2 + 1] = endHigh - startHigh - (endLow < startLow ? 1 : 0);
    }
    return wideColumn('duration', words, null);
  };
}
