import { describe, expect, test } from 'vitest';
import { BatchValidator } from '../../src/otap/decode/validate.ts';
import { type EncodeOptions, OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import { BufferArena } from '../../src/otap/ipc/buffer-source.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../src/otap/take/output-batch.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { decodeOtlp } from '../../src/otlp/decode/decode-otlp.ts';
import { encodeOtlp } from '../../src/otlp/encode/protobuf.ts';
import { captures } from '../support/captures.ts';
import { canonical, type OtlpRequest, toOtlp } from '../support/otap-to-otlp.ts';
import { decodeWithGo, withoutGo } from '../support/otapverify.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { parseOtlp } from '../support/otlp-truth.ts';
import { decodeOwn, zstd } from '../support/reencode.ts';

/**
 * Scenario: the telemetry of every capture, of long ones in part, as OTLP requests of the writers that recorded them or of protobufjs; an arena gives
 * all memory, so that it is full of what came before.
 * Guarantees: what protobufjs reads in a request, our tables say; all of it survives being taken and written as OTAP, to our reader and to the Go
 * reference consumer, and as OTLP again.
 */
const requestsMax = 40;

if (withoutGo !== null) console.warn(`skipped: ${withoutGo}`);

describe.each(captures)('$name', ({ name, signal }) => {
  const messages = truthBytes(name).slice(0, requestsMax);
  const truth = messages.map((message) => parseOtlp(signal, message));

  test('its tables say what protobufjs reads', () => {
    const arena = new BufferArena();
    for (const [index, message] of messages.entries()) {
      const batch = decodeOtlp(signal, message, { source: arena });
      new BatchValidator().validate(batch);
      expect(canonical([toOtlp(batch)])).toEqual(canonical([truth[index]]));
      arena.reset();
    }
  });

  test('it becomes OTAP', () => {
    expect(canonical(decodeOwn(signal, asOtap(signal, messages, zstd)))).toEqual(canonical(truth));
  });

  test('it is OTLP again', () => {
    expect(canonical(taken(signal, messages).map((batch) => parseOtlp(signal, encodeOtlp(batch))))).toEqual(canonical(truth));
  });

  // The Go consumer knows no METRIC_ATTRS.
  test.skipIf(withoutGo !== null || name === 'rust/rust_metrics')('it becomes OTAP, to the Go reference consumer', () => {
    expect(canonical(decodeWithGo(signal, asOtap(signal, messages, { ...zstd, omit: new Set(['METRIC_ATTRS'] as const) })))).toEqual(canonical(truth));
  });
});

test('a request that says something else is noticed', () => {
  const [message] = truthBytes('collector_traces');
  const batch = toOtlp(decodeOtlp('traces', message));
  const other: OtlpRequest = JSON.parse(JSON.stringify(parseOtlp('traces', message)).replace('"kind":2', '"kind":3'));
  expect(canonical([batch])).not.toEqual(canonical([other]));
});

/** All rows of each request. */
function taken(signal: Signal, messages: readonly Uint8Array[]): OutputBatch[] {
  const builder = new OutputBatchBuilder(signal);
  const arena = new BufferArena();
  return messages.map((message) => {
    const batch = decodeOtlp(signal, message, { source: arena });
    builder.append(batch, allRows(batch), null);
    arena.reset();
    return builder.finish();
  });
}

function asOtap(signal: Signal, messages: readonly Uint8Array[], options: EncodeOptions): Uint8Array[] {
  const encoder = new OtapStreamEncoder(signal, options);
  return taken(signal, messages).map((batch, index) => encoder.encode(BigInt(index), batch));
}
