import type { OutputBatch } from '../../otap/take/output-batch.ts';
import { BackWriter } from './back-writer.ts';
import type { BoundPart } from './bound.ts';
import { bindBatch, type BoundBatch } from './encoding.ts';
import { writePart, writeParts } from './protobuf-parts.ts';

/** The batch as one ExportTraceServiceRequest, ExportLogsServiceRequest or ExportMetricsServiceRequest. */
export function encodeOtlp(batch: OutputBatch): Uint8Array<ArrayBuffer> {
  if (batch.rowCount === 0) return new Uint8Array(0);
  const writer = new BackWriter();
  writeRequest(writer, bindBatch(batch), 0, batch.rowCount);
  return writer.finish();
}

/**
 * Items [from, to) of the batch's order as a request, written back to front. Field numbers are those that all signals share:
 * request { resource_x = 1 }, ResourceX { resource = 1, scope_x = 2, schema_url = 3 }, ScopeX { scope = 1, items = 2, schema_url = 3 }.
 */
export function writeRequest(writer: BackWriter, bound: BoundBatch, from: number, to: number): void {
  let index = to - 1;
  while (index >= from) {
    const before = writer.length;
    const last = bound.order[index];
    writeUrl(writer, bound.resourceUrl, last);
    while (index >= from && bound.resourceOf[bound.order[index]] === bound.resourceOf[last]) index = writeScope(writer, bound, from, index);
    writeAlways(writer, bound.resource, last);
    writer.header(1, before);
  }
}

/** The items before and at `index` that have the same scope; gives the index before them. */
function writeScope(writer: BackWriter, bound: BoundBatch, from: number, index: number): number {
  const { order, scopeOf } = bound;
  const before = writer.length;
  const last = order[index];
  writeUrl(writer, bound.scopeUrl, last);
  for (; index >= from && scopeOf[order[index]] === scopeOf[last]; index--) {
    const beforeItem = writer.length;
    writeParts(writer, bound.item, order[index]);
    writer.header(2, beforeItem);
  }
  writeAlways(writer, bound.scope, last);
  writer.header(2, before);
  return index;
}

function writeUrl(writer: BackWriter, part: BoundPart | null, row: number): void {
  if (part !== null) writePart(writer, part, row);
}

/** Resource or scope as field 1, there even when nothing is in it: readers in many languages reach through it unasked. */
function writeAlways(writer: BackWriter, parts: readonly BoundPart[], row: number): void {
  const before = writer.length;
  writeParts(writer, parts, row);
  writer.header(1, before);
}
