import { isUtf8 } from 'node:buffer';
import { CodedError } from '../../base/errors.ts';
import type { OtapBatch, PayloadTable } from '../batch.ts';
import type { BytesColumn, Column, DictionaryColumn, DictionaryStore } from '../column.ts';
import { type PayloadInfo, signalPayloads } from '../payload-type.ts';
import { schemas } from '../schema.ts';
import { isValid } from './bits.ts';
import { decodeCbor } from './cbor.ts';
import { ArrowDictionaryStore } from './dictionary-store.ts';
import { invalidValues, OtapDecodeError } from './errors.ts';

const attributeTypeMax = 7;

/** Entries of a dictionary that were looked at, and those among them that may not be used. */
interface CheckedEntries {
  size: number;
  readonly bad: Set<number>;
}

/**
 * Checks every value of a batch, so that whoever acknowledges it can rebuild any part of it later, and so that nothing is passed
 * on that makes the next hop refuse what stands beside it: codes and offsets, ids and their sums, attribute types, UTF-8 and
 * CBOR. Entries of dictionaries are looked at once. One validator belongs to one stream.
 */
export class BatchValidator {
  readonly #checked = new WeakMap<DictionaryStore, CheckedEntries>();

  /** Throws OtapDecodeError: invalid_values, invalid_utf8, invalid_cbor, id_overflow, and what reading columns throws. */
  validate(batch: OtapBatch): void {
    for (const info of signalPayloads[batch.signal]) {
      const table = batch.table(info.name);
      if (table !== null) this.#validateTable(table, info, batch.batchId);
    }
  }

  #validateTable(table: PayloadTable, info: PayloadInfo, batchId: bigint): void {
    try {
      for (const spec of schemas[info.schema]) {
        const column = table.column(spec.path);
        if (column === null) continue;
        if (spec.idEncoding !== null) table.ids(spec.path);
        if (isTypePath(spec.path)) checkTypes(column);
        if (spec.type === 'utf8') this.#checkBytes(column, checkUtf8, isUtf8Column);
        if (isCborPath(spec.path)) this.#checkBytes(column, checkCbor, null);
      }
    } catch (error) {
      if (error instanceof OtapDecodeError || !(error instanceof CodedError)) throw error;
      throw new OtapDecodeError(error, info.name, batchId, false);
    }
  }

  #checkBytes(column: Column, check: (bytes: Uint8Array) => void, isFine: ((column: BytesColumn) => boolean) | null): void {
    if (column.kind === 'dictionary') {
      if (isFine !== null) this.#passTexts(column);
      this.#checkEntries(column, check);
    } else if (column.kind === 'bytes' && isFine?.(column) !== true) {
      for (let row = 0; row < column.length; row++) {
        if (isValid(column.validity, row)) check(column.data.subarray(column.offsets[row], column.offsets[row + 1]));
      }
    }
  }

  /** New entries that are UTF-8 as a whole need no look at each. */
  #passTexts({ dictionary: { store, size } }: DictionaryColumn): void {
    const checked = this.#checkedOf(store);
    if (store instanceof ArrowDictionaryStore && checked.size < size && store.areUtf8(checked.size, size)) checked.size = size;
  }

  #checkedOf(store: DictionaryStore): CheckedEntries {
    const checked = this.#checked.get(store) ?? { size: 0, bad: new Set() };
    this.#checked.set(store, checked);
    return checked;
  }

  #checkEntries({ codes, validity, dictionary: { store, size } }: DictionaryColumn, check: (bytes: Uint8Array) => void): void {
    const checked = this.#checkedOf(store);
    for (; checked.size < size; checked.size++) {
      if (!store.isNull(checked.size) && !passes(check, store.bytes(checked.size))) checked.bad.add(checked.size);
    }
    if (checked.bad.size === 0) return;
    for (let row = 0; row < codes.length; row++) {
      if (isValid(validity, row) && checked.bad.has(codes[row])) check(store.bytes(codes[row]));
    }
  }
}

function isTypePath(path: string): boolean {
  return path === 'type' || path === 'body.type';
}

function isCborPath(path: string): boolean {
  return path === 'ser' || path === 'body.ser';
}

function checkTypes(column: Column): void {
  if (column.kind !== 'fixed') return;
  const { values, validity } = column;
  for (let row = 0; row < values.length; row++) {
    if (values[row] > attributeTypeMax && isValid(validity, row)) throw invalidValues(`type ${values[row]} is no attribute type`);
  }
}

/** Whether the whole of a column is UTF-8 and no value begins within a character. */
function isUtf8Column({ data, offsets, length }: BytesColumn): boolean {
  if (!isUtf8(data.subarray(offsets[0], offsets[length]))) return false;
  for (let row = 1; row < length; row++) if ((data[offsets[row]] & 0xc0) === 0x80) return false;
  return true;
}

function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new CodedError('INVALID_ARGUMENT', 'invalid_utf8', `text of ${bytes.length} bytes is not UTF-8`);
}

function checkCbor(bytes: Uint8Array): void {
  decodeCbor(bytes);
}

function passes(check: (bytes: Uint8Array) => void, bytes: Uint8Array): boolean {
  try {
    check(bytes);
    return true;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return false;
  }
}
