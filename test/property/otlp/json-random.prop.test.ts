import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { otlpJsonToProtobuf } from '../../../src/otlp/json/otlp-json-to-protobuf.ts';
import { readJsonWithGo, withoutGo } from '../../support/go-json.ts';
import { mulberry } from '../../support/mulberry.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import { canonical } from '../../support/otlp-canonical.ts';
import { allFreedoms, type Freedom, spelled } from '../../support/otlp-json-spelled.ts';
import { plainRequest } from '../../support/otlp-plain.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import type { Below } from '../../support/otlp-wire.ts';
import { requestOf } from './arbitrary.ts';

/*
 * Strategy: random requests with every field, written in JSON by the protobuf definitions in every spelling that proto3's JSON allows.
 * Invariants: our protobuf says what protobufjs writes of the same request; in the spellings that the Collector reads too, what its reader makes of it.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 400);
/** Spellings that pdata reads: it takes no null for a number, no exponent in an integer, and leaves escapes in ids as they are. */
const goFreedoms: readonly Freedom[] = ['order', 'space', 'snake', 'escapes', 'numbers', 'enums', 'unknown'];

function belowOf(seed: number): Below {
  const random = mulberry(seed);
  return (below) => Math.floor(random() * below);
}

describe.each(['traces', 'logs', 'metrics'] as const)('random %s', (signal) => {
  test(`in any spelling say what protobufjs writes (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, true), fc.nat(), (request, spelling) => {
      const expected = otlpBytes(signal, request);
      const text = spelled(signal, request, belowOf(spelling), allFreedoms);
      expect(plainRequest(signal, otlpJsonToProtobuf(signal, Buffer.from(text)))).toEqual(plainRequest(signal, expected));
    }), { seed, numRuns });
  });

  test(`spelled plainly are, byte for byte, what protobufjs writes (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, true), (request) => {
      const expected = otlpBytes(signal, request);
      const bytes = otlpJsonToProtobuf(signal, Buffer.from(spelled(signal, request, () => 0, [])));
      expect(Buffer.from(bytes).equals(expected)).toBe(true);
    }), { seed, numRuns });
  });

  test.skipIf(withoutGo !== null)(`are read as the Collector reads them (seed ${seed})${withoutGo ?? ''}`, async () => {
    const requests = fc.sample(requestOf(signal, true), { seed, numRuns });
    const texts = requests.map((request, index) => Buffer.from(spelled(signal, request, belowOf(seed + index), goFreedoms)));
    const readings = await readJsonWithGo(signal, texts);
    expect(readings).toHaveLength(texts.length);
    readings.forEach((reading, index) => {
      if (!('protobuf' in reading)) throw new Error(`case ${index}: ${reading.error.slice(0, 400)}`);
      const ours = otlpJsonToProtobuf(signal, texts[index]);
      expect(canonical([parseOtlp(signal, ours)])).toEqual(canonical([parseOtlp(signal, reading.protobuf)]));
    });
  });
});
