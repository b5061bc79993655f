import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import type { Signal } from '../../src/otap/payload-type.ts';
import { type Json, type JsonObject, objects, type OtlpRequest, object } from './otlp-json.ts';

/**
 * A writer of OTLP that says the same in other bytes than protobufjs: all that the protobuf encoding leaves open (protobuf.dev/programming-guides/encoding)
 * is chosen by chance. What the bytes mean is the request given.
 */

/**
 * order: fields in any order (of one field, or oneof, in theirs); zeros: fields without presence are there at zero; varints: tags, lengths and numbers
 * longer than they need be, bits above the 32 that count; unknown: fields of numbers that nobody knows; packing: repeated numbers in chunks and one by one; split: messages
 * in two pieces, which readers merge; stale: values that later ones replace.
 */
export type Noise = 'order' | 'zeros' | 'varints' | 'unknown' | 'packing' | 'split' | 'stale';
export const allNoise: readonly Noise[] = ['order', 'zeros', 'varints', 'unknown', 'packing', 'split', 'stale'];

/** Whole numbers below the one given. */
export type Below = (below: number) => number;

const messageNames = { traces: 'Traces', logs: 'Logs', metrics: 'Metrics' } as const;
const root = protobuf.parse(readFileSync(join(import.meta.dirname, 'proto/otlp.proto'), 'utf8')).root;
root.resolveAll();

/** The request with this noise. */
export function wireBytes(signal: Signal, request: OtlpRequest, below: Below, noise: readonly Noise[]): Uint8Array {
  return new WireWriter(below, new Set(noise)).message(root.lookupType(`thresher.test.${messageNames[signal]}`), request);
}

/** The type of a request's message. */
export function requestType(signal: Signal): protobuf.Type {
  return root.lookupType(`thresher.test.${messageNames[signal]}`);
}

type Piece = Uint8Array;
/** Two values of one attribute, or two arrays or maps in one value, are not merged: docs/otlp.md. */
const unmerged: ReadonlySet<string> = new Set(['AnyValue', 'ArrayValue', 'KeyValueList']);
/** Fields that later definitions have (entity_refs, and what profiles use), with wire types that readers expect. */
const knownElsewhere: { readonly [message: string]: number | undefined } = { Resource: 3, KeyValue: 3, AnyValue: 8 };
/** Protobuf's own readers take no longer tags and lengths; numbers may have ten. */
const lengthBytesMax = 5;
const wireTypes: { readonly [type: string]: number } = {
  int32: 0, uint32: 0, sint32: 0, int64: 0, uint64: 0, bool: 0, fixed64: 1, sfixed64: 1, double: 1, string: 2, bytes: 2, fixed32: 5,
};
const zeroOf = (type: string): Json => (type === 'string' || type === 'bytes' ? '' : type === 'bool' ? false : type === 'double' ? 0 : type.endsWith('64') ? '0' : 0);
const otherOf = (type: string): Json =>
  type === 'string' ? 'stale' : type === 'bytes' ? '' : type === 'bool' ? true : type === 'double' ? 6.5 : type.endsWith('64') ? '12345678901' : 77;

class WireWriter {
  readonly #below: Below;
  readonly #noise: ReadonlySet<Noise>;

  constructor(below: Below, noise: ReadonlySet<Noise>) {
    this.#below = below;
    this.#noise = noise;
  }

  message(type: protobuf.Type, value: JsonObject): Uint8Array {
    return Buffer.concat(this.#interleaved(this.#fields(type, value)));
  }

  #has(noise: Noise, oneIn = 3): boolean {
    return this.#noise.has(noise) && this.#below(oneIn) === 0;
  }

  /** The pieces of each field, or oneof, in the order that they must keep. */
  #fields(type: protobuf.Type, value: JsonObject): Piece[][] {
    const streams: Piece[][] = [];
    const groups = new Map<string, Piece[]>();
    for (const field of type.fieldsArray) {
      const own = value[field.name];
      const { partOf } = field;
      if (partOf === null || partOf.fieldsArray.length === 1) streams.push(this.#field(field, own, partOf !== null));
      else if (own !== undefined) groups.set(partOf.name, [...this.#staleMember(partOf, field), ...this.#field(field, own, true)]);
    }
    streams.push(...groups.values());
    if (this.#has('unknown')) streams.push(Array.from({ length: 1 + this.#below(3) }, () => this.#unknown(type)));
    return streams;
  }

  #staleMember(oneof: protobuf.OneOf, own: protobuf.Field): Piece[] {
    const other = oneof.fieldsArray[this.#below(oneof.fieldsArray.length)];
    if (other === own || !this.#has('stale')) return [];
    return [this.#single(other, other.resolvedType instanceof protobuf.Type ? {} : otherOf(other.type))];
  }

  #field(field: protobuf.Field, value: Json | undefined, hasPresence: boolean): Piece[] {
    if (field.repeated) return this.#repeated(field, value === undefined ? [] : (value as readonly Json[]));
    const { resolvedType } = field;
    if (resolvedType instanceof protobuf.Type) {
      if (value === undefined) return [];
      return !unmerged.has(resolvedType.name) && this.#has('split') ? this.#halves(field, resolvedType, object(value)) : [this.#single(field, value)];
    }
    if (value === undefined) return !hasPresence && this.#has('zeros') ? [this.#single(field, zeroOf(field.type))] : [];
    return [...(this.#has('stale') ? [this.#single(field, otherOf(field.type))] : []), this.#single(field, value)];
  }

  #repeated(field: protobuf.Field, values: readonly Json[]): Piece[] {
    if (field.resolvedType instanceof protobuf.Type) return objects(values).map((value) => this.#single(field, value));
    const pieces: Piece[] = [];
    for (let at = 0; at < values.length; ) {
      const count = this.#has('packing', 2) ? this.#below(3) : values.length - at;
      const chunk = values.slice(at, at + count).map((value) => this.#scalar(field.type, value));
      const single = this.#has('packing', 2) && count === 1;
      pieces.push(single ? Buffer.concat([this.#tag(field.id, wireTypes[field.type]), ...chunk]) : this.#delimited(field.id, Buffer.concat(chunk)));
      at += count;
    }
    return pieces;
  }

  /** A message in two pieces: each field as a whole in one of them, repeated ones in both. */
  #halves(field: protobuf.Field, type: protobuf.Type, value: JsonObject): Piece[] {
    const pieces = this.#interleaved(this.#fields(type, value));
    const middle = this.#below(pieces.length + 1);
    return [pieces.slice(0, middle), pieces.slice(middle)].map((half) => this.#delimited(field.id, Buffer.concat(half)));
  }

  #single(field: protobuf.Field, value: Json): Piece {
    const { resolvedType } = field;
    if (resolvedType instanceof protobuf.Type) return this.#delimited(field.id, this.message(resolvedType, object(value)));
    if (field.type === 'string') return this.#delimited(field.id, Buffer.from(String(value)));
    if (field.type === 'bytes') return this.#delimited(field.id, Buffer.from(String(value), field.name === 'bytesValue' ? 'base64' : 'hex'));
    return Buffer.concat([this.#tag(field.id, wireTypes[field.type]), this.#scalar(field.type, value)]);
  }

  #scalar(type: string, value: Json): Uint8Array {
    const buffer = Buffer.alloc(8);
    switch (type) {
      case 'double':
        buffer.writeDoubleLE(Number(value));
        return buffer;
      case 'fixed64':
      case 'sfixed64':
        buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(String(value))));
        return buffer;
      case 'fixed32':
        buffer.writeUInt32LE(Number(value));
        return buffer.subarray(0, 4);
      case 'bool':
        return this.#varint(value === true ? 1n : 0n);
      case 'sint32':
        return this.#varint(BigInt.asUintN(32, (BigInt(Number(value)) << 1n) ^ (BigInt(Number(value)) >> 31n)));
      case 'int32':
      case 'uint32':
        return this.#varint(this.#has('varints', 4) ? (BigInt(this.#below(2 ** 32)) << 32n) | BigInt(Number(value) >>> 0) : BigInt.asUintN(64, BigInt(Number(value))));
      default:
        return this.#varint(BigInt.asUintN(64, BigInt(String(value))));
    }
  }

  #delimited(id: number, body: Uint8Array): Piece {
    return Buffer.concat([this.#tag(id, 2), this.#varint(BigInt(body.length), lengthBytesMax), body]);
  }

  #tag(id: number, wire: number): Uint8Array {
    return this.#varint(BigInt(id * 8 + wire), lengthBytesMax);
  }

  #varint(value: bigint, lengthMax = 10): Uint8Array {
    const bytes: number[] = [];
    for (; value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
    bytes.push(Number(value));
    if (bytes.length < lengthMax && this.#has('varints', 4)) {
      const length = bytes.length + 1 + this.#below(lengthMax - bytes.length);
      bytes[bytes.length - 1] |= 0x80;
      while (bytes.length < length - 1) bytes.push(0x80);
      bytes.push(0);
    }
    return Uint8Array.from(bytes);
  }

  /** A field of a number that the message does not have: within its own, just above them, the greatest of one and two bytes, and the greatest. */
  #unknown(type: protobuf.Type): Piece {
    const free = [3, 4, 8, 15, 17, 30, 31, 32, 100, 2047, 2 ** 29 - 1].filter((id) => type.fieldsById[id] === undefined && id !== knownElsewhere[type.name]);
    const id = free[this.#below(free.length)];
    const body = Uint8Array.from({ length: this.#below(5) * this.#below(40) }, () => this.#below(256));
    switch (this.#below(4)) {
      case 0:
        return Buffer.concat([this.#tag(id, 0), this.#varint(BigInt(this.#below(2 ** 30)) << BigInt(this.#below(34)))]);
      case 1:
        return Buffer.concat([this.#tag(id, 1), Uint8Array.from({ length: 8 }, () => this.#below(256))]);
      case 2:
        return Buffer.concat([this.#tag(id, 5), Uint8Array.from({ length: 4 }, () => this.#below(256))]);
      default:
        return this.#delimited(id, body);
    }
  }

  /** All pieces, those of one stream in their order. */
  #interleaved(streams: readonly (readonly Piece[])[]): Piece[] {
    if (!this.#noise.has('order')) return streams.flat();
    const rest = streams.map((stream) => [...stream]).filter((stream) => stream.length > 0);
    const pieces: Piece[] = [];
    while (rest.length > 0) {
      const index = this.#below(rest.length);
      const piece = rest[index].shift();
      if (piece !== undefined) pieces.push(piece);
      if (rest[index].length === 0) rest.splice(index, 1);
    }
    return pieces;
  }
}

/** Fields that nobody knows, of items and of what is around them but the request itself, each as its message's name and its bytes; messages without items say nothing. */
export function unknownFields(signal: Signal, requests: readonly Uint8Array[]): string[] {
  const found = new Set<string>();
  for (const bytes of requests) addUnknown(requestType(signal), bytes, found);
  return [...found].sort();
}

const requestNames: ReadonlySet<string> = new Set(Object.values(messageNames));
const itemLists: ReadonlySet<string> = new Set(['scopeSpans', 'scopeLogs', 'scopeMetrics', 'spans', 'logRecords', 'metrics']);

/** True where the message holds items, or is none that must. */
function addUnknown(type: protobuf.Type, bytes: Uint8Array, found: Set<string>): boolean {
  const reader = protobuf.Reader.create(bytes);
  const own = new Set<string>();
  const mustHold = type.fieldsArray.some(({ name }) => itemLists.has(name));
  let holds = !mustHold;
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const tag = reader.uint32();
    const field: protobuf.Field | undefined = type.fieldsById[tag >>> 3];
    const inner = field?.resolvedType instanceof protobuf.Type && (tag & 7) === 2 ? field.resolvedType : null;
    if (inner !== null) {
      const nested = new Set<string>();
      const innerHolds = addUnknown(inner, reader.bytes(), nested);
      if (itemLists.has(field.name)) holds ||= innerHolds;
      if (innerHolds) for (const text of nested) own.add(text);
      continue;
    }
    reader.skipType(tag & 7);
    if (field === undefined && !requestNames.has(type.name)) own.add(`${type.name} ${Buffer.from(bytes.subarray(from, reader.pos)).toString('hex')}`);
  }
  if (holds) for (const text of own) found.add(text);
  return holds;
}
