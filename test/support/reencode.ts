import type { OtapBatch } from '../../src/otap/batch.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { type EncodeOptions, OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import type { ItemStamps } from '../../src/otap/take/item-stamps.ts';
import { captureOf, readCapture } from './captures.ts';
import { type OtlpRequest, toOtlp } from './otap-to-otlp.ts';
import type { JsonObject } from './otlp-json.ts';

export const plain: EncodeOptions = { bodyCompression: 'none', zstdLevel: 1 };
export const zstd: EncodeOptions = { bodyCompression: 'zstd', zstdLevel: 1 };

const rootMembers = { traces: 'resourceSpans', logs: 'resourceLogs', metrics: 'resourceMetrics' } as const;

/** What is taken of a batch; null stamps for none. */
export interface Taking {
  readonly rows: Uint32Array;
  readonly stamps: ItemStamps | null;
}

/** Decodes a recorded stream, takes what `choose` says of each batch, and encodes it on one stream; batches with fewer rows than `rowsMin` are joined. */
export function reencode(name: string, options: EncodeOptions, choose: (batch: OtapBatch) => Taking, rowsMin = 1): Uint8Array[] {
  const { signal } = captureOf(name);
  const decoder = new OtapStreamDecoder(signal);
  const encoder = new OtapStreamEncoder(signal, options);
  const builder = new OutputBatchBuilder(signal);
  const messages: Uint8Array[] = [];
  const flush = (): void => {
    messages.push(encoder.encode(BigInt(messages.length), builder.finish()));
  };
  for (const bar of readCapture(name)) {
    const batch = decoder.decode(bar);
    const { rows, stamps } = choose(batch);
    builder.append(batch, rows, stamps);
    if (builder.rowCount >= rowsMin) flush();
  }
  if (builder.rowCount > 0) flush();
  return messages;
}

/** Decodes a stream with our own decoder. */
export function decodeOwn(signal: Signal, messages: readonly Uint8Array[]): OtlpRequest[] {
  const decoder = new OtapStreamDecoder(signal);
  return messages.map((message) => toOtlp(decoder.decode(message)));
}

/** The entry (resource, scope, item) of each root row of a decoded batch. */
export function entriesOf(batch: OtapBatch): readonly JsonObject[] {
  return toOtlp(batch)[rootMembers[batch.signal]] ?? [];
}

/** A request of these entries. */
export function requestOf(signal: Signal, entries: readonly JsonObject[]): OtlpRequest {
  return { [rootMembers[signal]]: entries };
}
