import type { OutputBatch } from '../../otap/take/output-batch.ts';
import type { BoundPart } from './bound.ts';
import { bindBatch, type BoundBatch } from './encoding.ts';
import { writePart, writeParts } from './json-parts.ts';
import { JsonWriter } from './json-writer.ts';

/**
 * The batch as one request in OTLP's JSON (UTF-8): ids in hex, 64-bit integers as texts, enums as numbers, bytes in base64.
 * Source: OTLP specification, "JSON Protobuf Encoding".
 */
export function encodeOtlpJson(batch: OutputBatch): Uint8Array<ArrayBuffer> {
  if (batch.rowCount === 0) return Buffer.from('{}');
  const writer = new JsonWriter();
  writeRequestJson(writer, bindBatch(batch), 0, batch.rowCount);
  return writer.finish();
}

/** Items [from, to) of the batch's order as a request. */
export function writeRequestJson(writer: JsonWriter, bound: BoundBatch, from: number, to: number): void {
  const { names, order, resourceOf } = bound;
  writer.open('{');
  writer.name(names.resources);
  writer.open('[');
  for (let index = from; index < to; ) {
    const first = order[index];
    writer.open('{');
    writeObject(writer, 'resource', bound.resource, first);
    writer.name(names.scopes);
    writer.open('[');
    while (index < to && resourceOf[order[index]] === resourceOf[first]) index = writeScope(writer, bound, index, to);
    writer.close(']');
    if (bound.resourceUrl !== null) writePart(writer, bound.resourceUrl, first);
    writer.close('}');
  }
  writer.close(']');
  writer.close('}');
}

/** The items from `index` on that have the same scope; gives the index after them. */
function writeScope(writer: JsonWriter, bound: BoundBatch, index: number, to: number): number {
  const { names, order, scopeOf } = bound;
  const first = order[index];
  writer.open('{');
  writeObject(writer, 'scope', bound.scope, first);
  writer.name(names.items);
  writer.open('[');
  for (; index < to && scopeOf[order[index]] === scopeOf[first]; index++) {
    writer.open('{');
    writeParts(writer, bound.item, order[index]);
    writer.close('}');
  }
  writer.close(']');
  if (bound.scopeUrl !== null) writePart(writer, bound.scopeUrl, first);
  writer.close('}');
  return index;
}

function writeObject(writer: JsonWriter, name: string, parts: readonly BoundPart[], row: number): void {
  writer.name(name);
  writer.open('{');
  writeParts(writer, parts, row);
  writer.close('}');
}
