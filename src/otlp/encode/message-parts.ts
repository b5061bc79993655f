import type { PayloadName } from '../../otap/payload-type.ts';

/**
 * Types of single fields. Protobuf's, but for `id` (bytes that JSON has as hex); an enum is an int32.
 * Sources: opentelemetry-proto 1.9; protobuf.dev/programming-guides/encoding; OTLP specification, "JSON Protobuf Encoding".
 */
export type FieldType = 'string' | 'id' | 'fixed64' | 'sfixed64' | 'double' | 'fixed32' | 'uint32' | 'int32' | 'sint32' | 'bool';

/** Elements of a packed repeated field. */
export type ListType = 'fixed64' | 'double' | 'uint64';

interface Named {
  /** Field number. */
  readonly number: number;
  /** Member name in JSON. */
  readonly json: string;
}

/**
 * A part of a message, and where it comes from in a table of an OutputBatch. Messages are data, so that what OTAP means in OTLP
 * is said once for protobuf and JSON.
 */
export type MessagePart =
  /** `optional`: written even when it is zero, left out only where the column is null. */
  | (Named & { readonly kind: 'field'; readonly type: FieldType; readonly path: string; readonly optional: boolean })
  | (Named & { readonly kind: 'list'; readonly type: ListType; readonly path: string })
  /** Summary quantiles: a column of lists of (quantile, value). */
  | (Named & { readonly kind: 'quantiles'; readonly path: string })
  /** Start and duration as an end. */
  | (Named & { readonly kind: 'end'; readonly start: string; readonly duration: string })
  /** An AnyValue in columns of the message's own table; left out where it is empty. */
  | (Named & { readonly kind: 'value'; readonly prefix: string })
  /** KeyValues of a table; `owner` says whose they are: the row's own, or those of its resource or scope. */
  | (Named & { readonly kind: 'attributes'; readonly table: PayloadName; readonly owner: 'row' | 'resource' | 'scope' })
  /** Repeated messages, a row of `table` each. */
  | (Named & { readonly kind: 'children'; readonly table: PayloadName; readonly parts: readonly MessagePart[] })
  /** A message of the same row; `always`: written even when it is empty. */
  | (Named & { readonly kind: 'message'; readonly parts: readonly MessagePart[]; readonly always: boolean })
  /** The first of these fields that is not null. */
  | { readonly kind: 'one_of'; readonly parts: readonly MessagePart[] }
  /** The part that the number in column `path` stands for. */
  | { readonly kind: 'by_number'; readonly path: string; readonly parts: ReadonlyMap<number, MessagePart> };

/** A field that is left out where it is zero or empty. */
export function field(number: number, json: string, type: FieldType, path: string): MessagePart {
  return { kind: 'field', number, json, type, path, optional: false };
}

/** A field whose zero is written. */
export function optionalField(number: number, json: string, type: FieldType, path: string): MessagePart {
  return { kind: 'field', number, json, type, path, optional: true };
}

export function listField(number: number, json: string, type: ListType, path: string): MessagePart {
  return { kind: 'list', number, json, type, path };
}

export function attributesField(number: number, json: string, table: PayloadName, owner: 'row' | 'resource' | 'scope' = 'row'): MessagePart {
  return { kind: 'attributes', number, json, table, owner };
}

export function childrenField(number: number, json: string, table: PayloadName, parts: readonly MessagePart[]): MessagePart {
  return { kind: 'children', number, json, table, parts };
}

/** A message of the same row, left out when nothing is in it. */
export function messageField(number: number, json: string, parts: readonly MessagePart[]): MessagePart {
  return { kind: 'message', number, json, parts, always: false };
}
