import type { OutputBatch } from '../../otap/take/output-batch.ts';
import { bindBatch } from '../../otlp/encode/encoding.ts';
import { writeRequestJson } from '../../otlp/encode/json.ts';
import { JsonWriter } from '../../otlp/encode/json-writer.ts';

/** An object of OTLP's JSON. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/** The first `items` items of a batch (in order of resource and scope) as an OTLP request in JSON, read again: 64-bit integers are texts. */
export function requestOf(batch: OutputBatch, items: number): JsonObject {
  const writer = new JsonWriter();
  writeRequestJson(writer, bindBatch(batch), 0, items);
  return asObject(JSON.parse(Buffer.from(writer.finish()).toString('utf8')));
}

/** The value where it is an object, else one without members. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; none where it is none. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
