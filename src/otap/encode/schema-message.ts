import {
  Binary, Bool, type DataType, Dictionary, DurationNanosecond, Field, FixedSizeBinary, Float64, Int32, Int64, List, Schema, Struct,
  TimestampNanosecond, Uint16, Uint32, Uint64, Uint8, Utf8,
} from 'apache-arrow';
import { Message } from 'apache-arrow/ipc/metadata/message';
import { unreachable } from '../../base/assert.ts';
import type { ValueType } from '../schema.ts';
import { encapsulate } from './ipc-message.ts';
import { groupOf, type Leaf } from './leaf.ts';

/** The encapsulated Schema message of these columns; the dictionary of leaf i has the id i. */
export function schemaMessage(leaves: readonly Leaf[]): Uint8Array {
  const fields: Field[] = [];
  for (let index = 0; index < leaves.length; ) {
    const group = groupOf(leaves[index].spec.path);
    let end = index + 1;
    if (group !== null) while (end < leaves.length && groupOf(leaves[end].spec.path) === group) end++;
    const children = leaves.slice(index, end).map((leaf, offset) => leafField(leaf, index + offset));
    fields.push(...(group === null ? children : [new Field(group, new Struct(children), true)]));
    index = end;
  }
  const message: Message = Message.from(new Schema(fields));
  return encapsulate(Message.encode(message));
}

function leafField(leaf: Leaf, id: number): Field {
  const { path, type, idEncoding } = leaf.spec;
  const name = path.slice(path.indexOf('.') + 1);
  const metadata = new Map<string, string>(idEncoding === null ? [] : [['encoding', idEncoding]]);
  return new Field(name, leafType(leaf, type, id), !leaf.required, metadata);
}

function leafType({ index }: Leaf, type: ValueType, id: number): DataType {
  if (index === 'native') return arrowType(type);
  return index === 'u8' ? new Dictionary(arrowType(type), new Uint8(), id) : new Dictionary(arrowType(type), new Uint16(), id);
}

/** Timestamps have no zone, as the Rust engine's own; Go reads them with and without. */
function arrowType(type: ValueType): DataType {
  switch (type) {
    case 'u8':
      return new Uint8();
    case 'u16':
      return new Uint16();
    case 'u32':
      return new Uint32();
    case 'u64':
      return new Uint64();
    case 'i32':
      return new Int32();
    case 'i64':
      return new Int64();
    case 'f64':
      return new Float64();
    case 'bool':
      return new Bool();
    case 'utf8':
      return new Utf8();
    case 'binary':
      return new Binary();
    case 'fixed8':
      return new FixedSizeBinary(8);
    case 'fixed16':
      return new FixedSizeBinary(16);
    case 'timestamp':
      return new TimestampNanosecond();
    case 'duration':
      return new DurationNanosecond();
    case 'list_u64':
      return new List(new Field('item', new Uint64(), true));
    case 'list_f64':
      return new List(new Field('item', new Float64(), true));
    case 'list_quantile':
      return new List(new Field('item', new Struct([new Field('quantile', new Float64(), true), new Field('value', new Float64(), true)]), true));
    default:
      return unreachable(type);
  }
}
