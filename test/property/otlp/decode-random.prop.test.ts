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
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { decodeOwn, plain } from '../../support/reencode.ts';
import { requestOf } from './arbitrary.ts';
import { unsignedTimes } from './unsigned-times.ts';

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
      expect(canonical([unsignedTimes(toOtlp(batch))])).toEqual(canonical([unsignedTimes(parseOtlp(signal, bytes))]));
    }), { seed, numRuns });
  });

  test(`become OTAP, and OTLP again (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, false), (request) => {
      const bytes = otlpBytes(signal, request);
      const batch = decodeOtlp(signal, bytes);
      if (batch.rowCount === 0) return;
      const truth = canonical([unsignedTimes(parseOtlp(signal, bytes))]);
      const builder = new OutputBatchBuilder(signal);
      builder.append(batch, allRows(batch), null);
      const taken = builder.finish();
      expect(canonical([unsignedTimes(parseOtlp(signal, encodeOtlp(taken)))])).toEqual(truth);
      expect(canonical(decodeOwn(signal, [new OtapStreamEncoder(signal, plain).encode(1n, taken)]).map(unsignedTimes))).toEqual(truth);
    }), { seed, numRuns });
  });
});
