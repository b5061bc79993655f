import { describe, expect, test } from 'vitest';
import { encodeOtlpJson } from '../../src/otlp/encode/json.ts';
import { encodeOtlp } from '../../src/otlp/encode/protobuf.ts';
import { otlpJsonToProtobuf } from '../../src/otlp/json/otlp-json-to-protobuf.ts';
import { captures } from '../support/captures.ts';
import { readJsonWithGo, withoutGo } from '../support/go-json.ts';
import { otlpBytes } from '../support/otlp-bytes.ts';
import { canonical } from '../support/otlp-canonical.ts';
import { rewritten } from '../support/otlp-plain.ts';
import { parseOtlp, readTruth } from '../support/otlp-truth.ts';
import { takenBatches } from '../support/taken.ts';

/**
 * Scenario: the telemetry that the streams were recorded of, in JSON: as recorded (by the Collector's writer), indented, and as our own writer has it.
 * Guarantees: what we make of it says what protobufjs, our protobuf writer and the Collector's reader of JSON make of it.
 */
describe.each(captures)('$name', ({ name, signal }) => {
  test('as recorded is what protobufjs writes', () => {
    readTruth(name).forEach((request, index) => {
      const text = Buffer.from(JSON.stringify(request, null, index % 2));
      expect(rewritten(signal, otlpJsonToProtobuf(signal, text)).equals(rewritten(signal, otlpBytes(signal, request)))).toBe(true);
    });
  });

  test('as we write it is what we write as protobuf', () => {
    for (const batch of takenBatches(name, 1000)) {
      expect(rewritten(signal, otlpJsonToProtobuf(signal, encodeOtlpJson(batch))).equals(rewritten(signal, encodeOtlp(batch)))).toBe(true);
    }
  });

  test.skipIf(withoutGo !== null)(`each eighth as recorded is what the Collector reads ${withoutGo ?? ''}`, async () => {
    const texts = readTruth(name).filter((_, index) => index % 8 === 0).map((request) => Buffer.from(JSON.stringify(request)));
    const readings = await readJsonWithGo(signal, texts);
    expect(readings).toHaveLength(texts.length);
    readings.forEach((reading, index) => {
      if (!('protobuf' in reading)) throw new Error(reading.error.slice(0, 400));
      expect(canonical([parseOtlp(signal, otlpJsonToProtobuf(signal, texts[index]))])).toEqual(canonical([parseOtlp(signal, reading.protobuf)]));
    });
  });
});
