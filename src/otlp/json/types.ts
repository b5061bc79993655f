import { type FieldType, type JsonMessage, kinds } from './fields.ts';

/*
 * Types of fields as opentelemetry-proto declares them, in terms of their JSON. That 64-bit integers, floats and enums may come in several
 * spellings is the reader's affair.
 */

export const text: FieldType = { kind: kinds.text };
export const bytes: FieldType = { kind: kinds.bytes };
export const bool: FieldType = { kind: kinds.bool };
export const double: FieldType = { kind: kinds.double };
export const uint32: FieldType = { kind: kinds.integer, range: { bits: 32, signed: false } };
export const uint64: FieldType = { kind: kinds.integer, range: { bits: 64, signed: false } };
export const int64: FieldType = { kind: kinds.integer, range: { bits: 64, signed: true } };
export const sint32: FieldType = { kind: kinds.integer, range: { bits: 32, signed: true }, zigzag: true };
export const traceId: FieldType = { kind: kinds.id, width: 16 };
export const spanId: FieldType = { kind: kinds.id, width: 8 };

/** An enum whose values 0, 1, 2 ... are named so, behind `prefix`. */
export function enumOf(prefix: string, ...names: readonly string[]): FieldType {
  return { kind: kinds.integer, range: { bits: 32, signed: true }, names: new Map(names.map((name, number) => [`${prefix}_${name}`, number])) };
}

export function one(message: () => JsonMessage): FieldType {
  return { kind: kinds.message, message, presence: true };
}

export function each(message: () => JsonMessage): FieldType {
  return { kind: kinds.message, message, repeated: true };
}

export function list(type: FieldType): FieldType {
  return { ...type, repeated: true };
}

/** A field of which zero is something else than none. */
export function optional(type: FieldType): FieldType {
  return { ...type, presence: true };
}

/** A member of the message's oneof. */
export function choice(type: FieldType): FieldType {
  return { ...type, presence: true, oneof: true };
}

/** A field that opentelemetry-proto calls otherwise than the shape. */
export function called(name: string, type: FieldType): FieldType {
  return { ...type, name };
}
