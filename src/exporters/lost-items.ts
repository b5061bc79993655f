import type { Signal } from '../otap/payload-type.ts';
import { OutputBatchBuilder } from '../otap/take/builder.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import { allRows, appendSplit } from '../otap/take/split.ts';
import { decodeOtlp } from '../otlp/decode/decode-otlp.ts';
import type { OtlpEncoding } from '../otlp/encode/requests.ts';
import { otlpJsonToProtobuf } from '../otlp/json/otlp-json-to-protobuf.ts';
import { SplicedItems } from '../otlp/splice/spliced-items.ts';
import type { FailedExport } from './retry.ts';

/** An OTLP export request. */
export interface RequestBytes {
  readonly encoding: OtlpEncoding;
  readonly bytes: Uint8Array;
}

/** What was not delivered, in the form that it had then. */
export type LostItems = OutputBatch | SplicedItems | RequestBytes;

/** Told of items that were given up: what they are, null where that cannot be had any more; how many; and why. */
export type OnGivenUp = (signal: Signal, what: LostItems | null, items: number, result: FailedExport) => void;

/** So long are the requests that spliced items are read from. */
const requestBytesMax = 4_000_000;
/** Our own requests are read whatever their size. */
const limits = { rowsMax: Infinity, occurrencesMax: Infinity };

/** The same items as batches that can be encoded as OTAP. Throws what reading them throws. */
export function lostBatches(signal: Signal, what: LostItems): readonly OutputBatch[] {
  if (what instanceof SplicedItems) return what.requests(requestBytesMax).flatMap(({ bytes }) => batchesOf(signal, bytes));
  if (!('encoding' in what)) return [what];
  return batchesOf(signal, what.encoding === 'proto' ? what.bytes : otlpJsonToProtobuf(signal, what.bytes));
}

function batchesOf(signal: Signal, request: Uint8Array): readonly OutputBatch[] {
  const batch = decodeOtlp(signal, request, { limits });
  const builder = new OutputBatchBuilder(signal);
  const full: OutputBatch[] = [];
  appendSplit(builder, batch, allRows(batch), null, (output) => full.push(output));
  return builder.rowCount === 0 ? full : [...full, builder.finish()];
}
