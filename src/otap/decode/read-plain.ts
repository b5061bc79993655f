import type { PlainColumn } from '../column.ts';
import { storages, valueBytes } from '../ipc/arrow-type.ts';
import { malformedIpc } from '../ipc/errors.ts';
import type { RecordBody } from '../ipc/record-batch.ts';
import type { FieldPlace } from '../ipc/schema-plan.ts';
import { asF64, asI32, asI64, asU16, asU32, asU64, checkOffsets } from '../ipc/typed.ts';
import type { FixedColumn, WideColumn } from '../column.ts';
import type { ValueType } from '../schema.ts';

/** A field's own validity bitmap, null where no value is null. */
export function readValidity(body: RecordBody, place: FieldPlace): Uint8Array | null {
  if (body.nullCount(place.node) === 0) return null;
  return body.buffer(place.buffer, (body.length(place.node) + 7) >>> 3);
}

/** The values of a field that holds them itself (no list, no dictionary). Throws INVALID_ARGUMENT / malformed_ipc. */
export function readPlain(body: RecordBody, type: ValueType, place: FieldPlace, validity: Uint8Array | null): PlainColumn {
  const length = body.length(place.node);
  const data = place.buffer + 1;
  switch (storages[type]) {
    case 'fixed':
      return { kind: 'fixed', type, length, validity, values: fixedValues(type, body.buffer(data, length * valueBytes[type]), length) };
    case 'wide':
      return { kind: 'wide', type, length, validity, values: wideValues(type, body.buffer(data, length * 8), length) };
    case 'bool':
      return { kind: 'bool', type, length, validity, bits: body.buffer(data, (length + 7) >>> 3) };
    case 'fixed_binary':
      return { kind: 'fixed_binary', type, length, validity, width: valueBytes[type], data: body.buffer(data, length * valueBytes[type]) };
    case 'bytes': {
      const bytes = body.buffer(data + 1, 0);
      return { kind: 'bytes', type, length, validity, offsets: readOffsets(body, data, length, bytes.length), data: bytes };
    }
    case 'list':
      throw malformedIpc('list where values are expected');
  }
}

/** `length` + 1 offsets, checked to rise within [0, limit]. An empty array may leave them out. */
export function readOffsets(body: RecordBody, buffer: number, length: number, limit: number): Int32Array {
  if (length === 0) return new Int32Array(1);
  const offsets = asI32(body.buffer(buffer, (length + 1) * 4), length + 1);
  if (!body.isChecked) checkOffsets(offsets, limit);
  return offsets;
}

function fixedValues(type: ValueType, bytes: Uint8Array, length: number): FixedColumn['values'] {
  switch (type) {
    case 'u8':
      return bytes.subarray(0, length);
    case 'u16':
      return asU16(bytes, length);
    case 'i32':
      return asI32(bytes, length);
    case 'f64':
      return asF64(bytes, length);
    default:
      return asU32(bytes, length);
  }
}

function wideValues(type: ValueType, bytes: Uint8Array, length: number): WideColumn['values'] {
  return type === 'u64' ? asU64(bytes, length) : asI64(bytes, length);
}
