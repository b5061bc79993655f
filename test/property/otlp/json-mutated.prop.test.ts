import { describe, expect, test } from 'vitest';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OtlpDecodeError } from '../../../src/otlp/decode/errors.ts';
import { otlpJsonToProtobuf } from '../../../src/otlp/json/otlp-json-to-protobuf.ts';
import { readJsonWithGo, withoutGo } from '../../support/go-json.ts';
import { mulberry } from '../../support/mulberry.ts';
import { canonical } from '../../support/otlp-canonical.ts';
import { plainRequest } from '../../support/otlp-plain.ts';
import { parseOtlp, readTruth } from '../../support/otlp-truth.ts';
import type { Below } from '../../support/otlp-wire.ts';

/*
 * Strategy: a recorded request of each signal in JSON; bytes flipped, cut out, moved, repeated, or replaced by what JSON is made of.
 * Invariants: protobuf that protobufjs reads, or an OtlpDecodeError, soon. What is said to be no JSON, JSON.parse refuses; what JSON.parse refuses is
 * refused. Where the Collector's reader takes it too, it makes the same of it.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const runs = Number(process.env['FUZZ_RUNS'] ?? 2000);
const longestMs = 250;
const sources: readonly (readonly [Signal, string])[] = [['traces', 'traces_tiny_nozstd'], ['logs', 'logs_tiny_u8_nozstd'], ['metrics', 'rust/rust_metrics']];
const parts: readonly Buffer[] = [
  '{', '}', '[', ']', ',', ':', '"', '\\', 'null', 'true', 'false', '-', '0', '1e400', '-0', '1.0', '1e3', '00', '{}', '[]', '"NaN"', '"', '\\ud800', '\\u0', ' ', '\n',
  '9'.repeat(30), `"${'f'.repeat(32)}"`, '"a":1,', '"kind":3,', '{"stringValue":"é"}', '{"arrayValue":{"values":[{}]}}', '['.repeat(200),
].map((part) => Buffer.from(part)).concat(Buffer.from([0xff]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0x01]));

/** A short request in JSON, that says many things. */
function shortText(name: string): Buffer {
  const text = Buffer.from(JSON.stringify(readTruth(name)[0]));
  return text.length < 20_000 ? text : Buffer.from(JSON.stringify(firstOf(JSON.parse(text.toString('utf8')))));
}

/** The same with lists of at most three. */
function firstOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 3).map(firstOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, firstOf(member)]));
}

function mutated(text: Buffer, below: Below): Buffer {
  let bytes = text;
  for (let change = below(3); change >= 0; change--) {
    const at = below(bytes.length);
    const length = below(3) === 0 ? below(60) : below(3);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
    const from = below(bytes.length);
    const kinds = [parts[below(parts.length)], Buffer.from([below(256)]), bytes.subarray(from, from + below(60)), Buffer.alloc(0)];
    bytes = below(20) === 0 ? before : Buffer.concat([before, kinds[below(kinds.length)], after]);
  }
  return bytes;
}

/** Whether these bytes are a JSON text. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** The request in protobuf, or why there is none. */
function read(signal: Signal, text: Uint8Array): Uint8Array | OtlpDecodeError {
  try {
    return otlpJsonToProtobuf(signal, text);
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw new Error(`not refused as it should be: ${Buffer.from(text)}`, { cause: error });
    return error;
  }
}

describe.each(sources)('mutated %s', (signal, name) => {
  const texts = (): Buffer[] => {
    const random = mulberry(seed + name.length);
    const good = shortText(name);
    return Array.from({ length: runs }, () => mutated(good, (below) => Math.floor(random() * below)));
  };

  test(`are requests or refused (seed ${seed}, ${runs} cases)`, () => {
    const reasons = new Map<string, number>();
    for (const text of texts()) {
      const began = process.cpuUsage();
      const result = read(signal, text);
      const tookMs = process.cpuUsage(began).user / 1000;
      if (tookMs > longestMs) throw new Error(`${tookMs} ms of CPU for ${text.toString('utf8')}`);
      const reason = result instanceof OtlpDecodeError ? result.reason : 'taken';
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      const wellFormed = isJson(text);
      if (wellFormed ? reason === 'malformed_json' || reason === 'invalid_utf8' : reason === 'taken') throw new Error(`${reason}: ${text.toString('utf8')}`);
      if (result instanceof OtlpDecodeError) {
        expect(result.status).toBe('INVALID_ARGUMENT');
        expect(result.message.length).toBeLessThan(400);
      } else {
        expect(result.length).toBeLessThan(text.length * 4);
        plainRequest(signal, result);
      }
    }
    for (const reason of ['malformed_json', 'invalid_utf8', 'wrong_type']) expect(reasons.get(reason), reason).toBeGreaterThan(0);
    expect(reasons.get('taken')).toBeGreaterThan(runs / 20);
  });

  test.skipIf(withoutGo !== null)(`are read as the Collector reads them, where it does (seed ${seed}) ${withoutGo ?? ''}`, async () => {
    const given = texts();
    const readings = await readJsonWithGo(signal, given);
    let both = 0;
    readings.forEach((reading, index) => {
      const ours = read(signal, given[index]);
      if (ours instanceof OtlpDecodeError || !('protobuf' in reading)) return;
      both++;
      expect(canonical([parseOtlp(signal, ours)]), given[index].toString('utf8')).toEqual(canonical([parseOtlp(signal, reading.protobuf)]));
    });
    expect(both).toBeGreaterThan(runs / 20);
  });
});
