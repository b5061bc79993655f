import type { ValueType } from '../schema.ts';
import type { FlatBuffer } from './flatbuffer.ts';

/** Numbers of Type (Schema.fbs). */
export const arrowTypes = {
  NULL: 1, INT: 2, FLOAT: 3, BINARY: 4, UTF8: 5, BOOL: 6, DECIMAL: 7, DATE: 8, TIME: 9, TIMESTAMP: 10, INTERVAL: 11,
  LIST: 12, STRUCT: 13, UNION: 14, FIXED_BINARY: 15, FIXED_LIST: 16, MAP: 17, DURATION: 18, LARGE_BINARY: 19,
  LARGE_UTF8: 20, LARGE_LIST: 21,
} as const;

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(arrowTypes).map(([name, value]) => [value, name.toLowerCase()]));
const timeUnits = ['s', 'ms', 'us', 'ns'];

/**
 * Name of a field's Arrow type; for those that OTAP uses it is the ValueType, for others a description
 * (`timestamp[us]`, `i16`, `list`). `type` is the position of the type's table, 0 where it has none.
 */
export function typeName(flat: FlatBuffer, kind: number, type: number): string {
  switch (kind) {
    case arrowTypes.INT: {
      const width = type === 0 ? 0 : flat.i32(type, 0, 0);
      return `${type !== 0 && flat.u8(type, 1, 0) !== 0 ? 'i' : 'u'}${width}`;
    }
    case arrowTypes.FLOAT:
      return ['f16', 'f32', 'f64'][type === 0 ? 0 : flat.i16(type, 0, 0)] ?? 'float';
    case arrowTypes.TIMESTAMP:
      return unitName('timestamp', type === 0 ? 0 : flat.i16(type, 0, 0));
    case arrowTypes.DURATION:
      return unitName('duration', type === 0 ? 1 : flat.i16(type, 0, 1));
    case arrowTypes.FIXED_BINARY:
      return `fixed${type === 0 ? 0 : flat.i32(type, 0, 0)}`;
    default:
      return typeNames.get(kind) ?? `type ${kind}`;
  }
}

function unitName(name: string, unit: number): string {
  return unit === 3 ? name : `${name}[${timeUnits[unit] ?? unit}]`;
}

/** Buffers that a field of this type has of its own, validity included; null for types whose layout we do not read. */
export function bufferCount(kind: number): number | null {
  switch (kind) {
    case arrowTypes.NULL:
      return 0;
    case arrowTypes.STRUCT:
    case arrowTypes.FIXED_LIST:
      return 1;
    case arrowTypes.BINARY:
    case arrowTypes.UTF8:
    case arrowTypes.LARGE_BINARY:
    case arrowTypes.LARGE_UTF8:
      return 3;
    case arrowTypes.UNION:
      return null;
    default:
      return typeNames.has(kind) ? 2 : null;
  }
}

/** How values of a type lie in memory; see column.ts. */
export type Storage = 'fixed' | 'wide' | 'bool' | 'bytes' | 'fixed_binary' | 'list';

export const storages: { readonly [type in ValueType]: Storage } = {
  u8: 'fixed', u16: 'fixed', u32: 'fixed', i32: 'fixed', f64: 'fixed',
  u64: 'wide', i64: 'wide', timestamp: 'wide', duration: 'wide',
  bool: 'bool', utf8: 'bytes', binary: 'bytes', fixed8: 'fixed_binary', fixed16: 'fixed_binary',
  list_u64: 'list', list_f64: 'list', list_quantile: 'list',
};

/** Bytes of one value; 0 where values have no fixed number of whole bytes. */
export const valueBytes: { readonly [type in ValueType]: number } = {
  u8: 1, u16: 2, u32: 4, i32: 4, f64: 8, u64: 8, i64: 8, timestamp: 8, duration: 8,
  bool: 0, utf8: 0, binary: 0, fixed8: 8, fixed16: 16, list_u64: 0, list_f64: 0, list_quantile: 0,
};
