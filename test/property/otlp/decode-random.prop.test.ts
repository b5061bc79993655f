import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchValidator } from '../../../src/otap/decode/validate.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { BufferArena } from '../../../src/otap/ipc/buffer-source.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { encodeOtlp } from '../../../src/otlp/encode/protobuf.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import type { Json, OtlpRequest } from '../../support/otlp-json.ts';
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { decodeOwn, plain } from '../../support/reencode.ts';
import { requestOf } from './arbitrary.ts';

/*
 * Strategy: random requests with every field of every message, written by protobufjs.
 * Invariants: our tables say what protobufjs reads of the same bytes, whatever lay in the memory before; all rows taken and written as OTAP, or as
 * OTLP, say the same again.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 400);

describe.each(['traces', 'logs', 'metrics'] as const)('random %s', (signal) => {
  test(`are read as protobufjs reads them (seed ${seed})`, () => {
    const arena = new BufferArena();
    fc.assert(fc.property(requestOf(signal, true), (request) => {
      const bytes = otlpBytes(signal, request);
      arena.take(4096).fill(0xa5);
      arena.reset();
      const batch = decodeOtlp(signal, bytes, { source: arena });
      new BatchValidator().validate(batch);
      expect(canonical([times(toOtlp(batch))])).toEqual(canonical([times(parseOtlp(signal, bytes))]));
    }), { seed, numRuns });
  });

  test(`become OTAP, and OTLP again (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, false), (request) => {
      const bytes = otlpBytes(signal, request);
      const batch = decodeOtlp(signal, bytes);
      if (batch.rowCount === 0) return;
      const truth = canonical([times(parseOtlp(signal, bytes))]);
      const builder = new OutputBatchBuilder(signal);
      builder.append(batch, allRows(batch), null);
      const taken = builder.finish();
      expect(canonical([times(parseOtlp(signal, encodeOtlp(taken)))])).toEqual(truth);
      expect(canonical(decodeOwn(signal, [new OtapStreamEncoder(signal, plain).encode(1n, taken)]).map(times))).toEqual(truth);
    }), { seed, numRuns });
  });
});

/** Arrow's timestamps are signed, OTLP's are not; the bits are the same. JSON has no -0, NaN or Infinity: they become texts on both sides. */
function times(request: OtlpRequest): OtlpRequest {
  const text = JSON.stringify(request, (name, value: Json) => {
    if (name.endsWith('UnixNano') && typeof value === 'string') return String(BigInt.asUintN(64, BigInt(value)));
    if (Object.is(value, -0)) return '-0';
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
  return JSON.parse(text) as OtlpRequest;
}
