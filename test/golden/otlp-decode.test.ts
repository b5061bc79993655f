import { describe, expect, test } from 'vitest';
import type { Signal } from '../../src/otap/payload-type.ts';
import { BatchValidator } from '../../src/otap/decode/validate.ts';
import { OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import { BufferArena } from '../../src/otap/ipc/buffer-source.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import { decodeOtlp } from '../../src/otlp/decode/decode-otlp.ts';
import { captures } from '../support/captures.ts';
import { canonical, type OtlpRequest, toOtlp } from '../support/otap-to-otlp.ts';
import { parseOtlp } from '../support/otlp-truth.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { decodeOwn, zstd } from '../support/reencode.ts';

/**
 * Scenario: the telemetry of every capture as OTLP requests, of the writers that recorded them or of protobufjs; an arena gives all memory, so
 * that it is full of what came before.
 * Guarantees: what protobufjs reads in a request, our tables say; all of it survives being taken, written as OTAP and read again.
 */
describe.each(captures)('$name', ({ name, signal }) => {
  const messages = truthBytes(name);
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
    expect(canonical(decodeOwn(signal, asOtap(signal, messages)))).toEqual(canonical(truth));
  });
});

test('a request that says something else is noticed', () => {
  const [message] = truthBytes('collector_traces');
  const batch = toOtlp(decodeOtlp('traces', message));
  const other: OtlpRequest = JSON.parse(JSON.stringify(parseOtlp('traces', message)).replace('"kind":2', '"kind":3'));
  expect(canonical([batch])).not.toEqual(canonical([other]));
});

/** All rows of the requests, taken and written as one OTAP stream. */
function asOtap(signal: Signal, messages: readonly Uint8Array[]): Uint8Array[] {
  const builder = new OutputBatchBuilder(signal);
  const encoder = new OtapStreamEncoder(signal, zstd);
  const arena = new BufferArena();
  return messages.map((message, index) => {
    const batch = decodeOtlp(signal, message, { source: arena });
    builder.append(batch, Uint32Array.from({ length: batch.rowCount }, (_, row) => row), null);
    arena.reset();
    return encoder.encode(BigInt(index), builder.finish());
  });
}
