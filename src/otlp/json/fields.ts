import { actions, type MessageShape, wires } from '../message-shape.ts';
import type { IntegerRange } from './numbers.ts';

/** How the value of a field is spelled in JSON. */
export const kinds = { text: 0, bytes: 1, id: 2, bool: 3, integer: 4, double: 5, message: 6 } as const;

type Kind = (typeof kinds)[keyof typeof kinds];

const int32: IntegerRange = { bits: 32, signed: true };

/** The JSON side of a field, given by its name in `jsonMessage`. */
export interface FieldType {
  readonly kind: Kind;
  /** Bytes of an id. */
  readonly width?: number;
  readonly range?: IntegerRange;
  readonly zigzag?: boolean;
  /** Numbers of an enum by name. */
  readonly names?: ReadonlyMap<string, number>;
  readonly message?: () => JsonMessage;
  readonly repeated?: boolean;
  /** Zero is something else than none. */
  readonly presence?: boolean;
  /** The field is a member of its message's one oneof. */
  readonly oneof?: boolean;
  /** The name in opentelemetry-proto, where the shape has another. */
  readonly name?: string;
}

/** A field that came before another one, or the message before its first. */
interface Followed {
  /** What followed it last time: a guess that saves looking the next key up, for senders write their keys in one order. */
  following: JsonField | null;
}

export interface JsonField extends Followed {
  readonly name: string;
  /** `name":` in words of four bytes, least significant first; of the last word only the bits in `lastMask` count. */
  readonly words: Int32Array;
  readonly lastMask: number;
  /** Bytes of `name":`. */
  readonly keyLength: number;
  readonly kind: Kind;
  /** Field number * 8 + wire type, of a repeated number that of the packed list. */
  readonly tag: number;
  /** Of the value, of a repeated number that of an element. */
  readonly wire: number;
  readonly width: number;
  readonly range: IntegerRange;
  readonly zigzag: boolean;
  readonly names: ReadonlyMap<string, number> | null;
  readonly message: () => JsonMessage;
  readonly repeated: boolean;
  readonly presence: boolean;
  /** This field's bit, and those of the fields that it must not meet in one object: itself and the other members of its oneof. */
  readonly bit: number;
  readonly excludes: number;
  /** Bytes that the length took last time: a guess for the next. */
  lengthBytes: number;
}

export interface Spelling {
  readonly key: Uint8Array;
  readonly field: JsonField;
}

export interface JsonMessage extends Followed {
  readonly name: string;
  /** By the length of a key: in lowerCamelCase, and as in opentelemetry-proto, for proto3's JSON parsers accept both. */
  readonly byLength: readonly (readonly Spelling[])[];
  /** An ArrayValue or KeyValueList: what the depth of a value is counted by. */
  readonly nests: boolean;
}

/** A field that the shape leaves out: its number, of a repeated message. */
export type OtherFields = { readonly [name: string]: readonly [number, FieldType] };

/** A message in JSON: the fields of its shape, each with its type, and `others`. */
export function jsonMessage<S extends string, L extends string>(
  shape: MessageShape<S, L>,
  types: { readonly [name in S | L]: FieldType },
  others: OtherFields = {},
): JsonMessage {
  const placed = Object.entries<FieldType>(types).map(([name, type]) => ({ name: type.name ?? name, type, ...placeOf(shape, name) }));
  for (const [name, [field, type]] of Object.entries(others)) placed.push({ name, type, tag: field * 8 + wires.bytes, wire: wires.bytes });
  const oneof = placed.reduce((bits, { type }, index) => (type.oneof === true ? bits | (1 << index) : bits), 0);
  const byLength: Spelling[][] = [];
  let previous: JsonField | null = null;
  let first: JsonField | null = null;
  placed.forEach(({ name, type, tag, wire }, index) => {
    const field = jsonField(camelCase(name), type, tag, wire, 1 << index, type.oneof === true ? oneof : 1 << index);
    for (const spelled of new Set([field.name, name])) (byLength[spelled.length] ??= []).push({ key: new Uint8Array(Buffer.from(spelled, 'latin1')), field });
    if (previous === null) first = field;
    else previous.following = field;
    previous = field;
  });
  return { name: shape.name, byLength: Array.from(byLength, (spellings) => spellings ?? []), nests: shape.name === 'ArrayValue' || shape.name === 'KeyValueList', following: first };
}

function jsonField(name: string, type: FieldType, tag: number, wire: number, bit: number, excludes: number): JsonField {
  return {
    name, tag, wire, bit, excludes,
    ...wordsOf(`${name}":`),
    kind: type.kind,
    width: type.width ?? 0,
    range: type.range ?? int32,
    zigzag: type.zigzag ?? false,
    names: type.names ?? null,
    message: type.message ?? noMessage,
    repeated: type.repeated ?? false,
    presence: type.presence ?? false,
    lengthBytes: 1,
    following: null,
  };
}

function wordsOf(key: string): Pick<JsonField, 'words' | 'lastMask' | 'keyLength'> {
  const words = new Int32Array(Math.ceil(key.length / 4));
  for (let index = 0; index < key.length; index++) words[index >>> 2] |= key.charCodeAt(index) << ((index & 3) * 8);
  return { words, lastMask: key.length % 4 === 0 ? -1 : (1 << ((key.length % 4) * 8)) - 1, keyLength: key.length };
}

function noMessage(): JsonMessage {
  throw new TypeError('field without a message');
}

/** Tag and wire type that the shape has for a field. */
function placeOf(shape: MessageShape, name: string): { tag: number; wire: number } {
  const slot = shape.slots[name];
  if (slot !== undefined) {
    const tag = shape.actions.indexOf(actions.slot + slot);
    return { tag, wire: tag & 7 };
  }
  const element = shape.actions.indexOf(actions.element + shape.lists[name]);
  return { tag: shape.actions.indexOf(actions.list + shape.lists[name]), wire: element < 0 ? wires.bytes : element & 7 };
}

/** `start_time_unix_nano` as `startTimeUnixNano` (proto3's JSON). */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
