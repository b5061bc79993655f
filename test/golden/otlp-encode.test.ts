import { describe, expect, test } from 'vitest';
import { encodeOtlpJson } from '../../src/otlp/encode/json.ts';
import { encodeOtlp } from '../../src/otlp/encode/protobuf.ts';
import { captures } from '../support/captures.ts';
import { canonical } from '../support/otlp-canonical.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';
import { parseOtlp, readTruth } from '../support/otlp-truth.ts';
import { takenBatches } from '../support/taken.ts';

/**
 * Scenario: recorded streams of both reference encoders are decoded, taken whole and written as OTLP.
 * Guarantees: protobufjs, by definitions of its own, and JSON.parse read what was recorded beside the stream.
 */
describe.each(captures)('$name', ({ name, signal }) => {
  const known: { truth?: readonly string[] } = {};
  const truth = (): readonly string[] => (known.truth ??= canonical(readTruth(name)));

  test.each([1, 5000])('batches of at least %d rows are the truth in protobuf', (rowsMin) => {
    const requests = takenBatches(name, rowsMin).map((batch) => parseOtlp(signal, encodeOtlp(batch)));
    expect(canonical(requests)).toEqual(truth());
  });

  test('batches are the truth in JSON', () => {
    const requests = takenBatches(name, 1000).map((batch): OtlpRequest => JSON.parse(Buffer.from(encodeOtlpJson(batch)).toString('utf8')));
    expect(canonical(requests)).toEqual(truth());
  });
});
