import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { ItemStamps } from '../../../src/otap/take/item-stamps.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp, reopenOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { encodeOtlp } from '../../../src/otlp/encode/protobuf.ts';
import { Splicer } from '../../../src/otlp/splice/splicer.ts';
import { mulberry } from '../../support/mulberry.ts';
import { canonical } from '../../support/otlp-canonical.ts';
import { exactItems } from '../../support/otlp-exact.ts';
import type { JsonObject, OtlpRequest } from '../../support/otlp-json.ts';
import { field } from '../../support/otlp-fields.ts';
import { mutateFields } from '../../support/otlp-mutate.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { allNoise, type Below, unknownFields, wireBytes } from '../../support/otlp-wire.ts';
import { coded } from '../../support/read-everything.ts';
import { requestOf } from './arbitrary.ts';
import { unsignedTimes } from './unsigned-times.ts';

/*
 * Strategy: random requests in all forms of protobuf, unknown fields at every level, are spliced into new ones: several at once, some of their rows, with
 * stamps or without, in requests of any size, out of batches that were opened again for just those rows, as pipelines do. Changed requests too, where the check takes them.
 * Invariants: without stamps what leaves says exactly what came, nothing lost; unknown fields of what is kept leave byte by byte; with stamps it says what
 * is rebuilt of tables; whatever the check took, protobufjs takes spliced, so that one sender's items do not make a receiver refuse another's.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 120);

function belowOf(chance: number): Below {
  const random = mulberry(chance);
  return (below) => Math.floor(random() * below);
}

interface Part {
  readonly bytes: Uint8Array;
  readonly rows: Uint32Array;
  readonly stamps: ItemStamps | null;
}

function spliced(signal: Signal, parts: readonly Part[], bytesMax = 1 << 30): Uint8Array[] {
  const splicer = new Splicer(signal);
  for (const { bytes, rows, stamps } of parts) splicer.append(reopenOtlp(decodeOtlp(signal, bytes, { isChecked: true }).layout, bytes, undefined, rows), rows, stamps);
  return splicer.finish().requests(bytesMax).map((request) => request.bytes);
}

function rebuilt(signal: Signal, parts: readonly Part[]): Uint8Array {
  const builder = new OutputBatchBuilder(signal);
  for (const { bytes, rows, stamps } of parts) builder.append(decodeOtlp(signal, bytes), rows, stamps);
  return encodeOtlp(builder.finish());
}

function whole(signal: Signal, bytes: Uint8Array): Part {
  return { bytes, rows: allRows(decodeOtlp(signal, bytes)), stamps: null };
}

describe.each(['traces', 'logs', 'metrics'] as const)('random %s', (signal) => {
  const items = (requests: readonly OtlpRequest[]): string[] => requests.flatMap((request) => exactItems(signal, request)).sort();

  test(`leave exactly as they came, unknown fields too (seed ${seed})`, () => {
    fc.assert(fc.property(fc.array(requestOf(signal, true), { minLength: 1, maxLength: 3 }), fc.nat(), fc.constantFrom(1, 500, 1 << 30), (requests, chance, bytesMax) => {
      const below = belowOf(chance);
      const sent = requests.map((request) => wireBytes(signal, request, below, allNoise));
      const got = spliced(signal, sent.map((bytes) => whole(signal, bytes)), bytesMax);
      expect(items(got.map((bytes) => parseOtlp(signal, bytes)))).toEqual(items(requests));
      if (bytesMax === 1 << 30) expect(unknownFields(signal, got)).toEqual(unknownFields(signal, sent));
    }), { seed, numRuns });
  });

  test(`with some rows and stamps say what is rebuilt (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, true), requestOf(signal, true), fc.nat(), (one, other, chance) => {
      const below = belowOf(chance);
      const parts = [one, other].map((request): Part => {
        const bytes = wireBytes(signal, stamped(request, below), below, allNoise);
        const rows = allRows(decodeOtlp(signal, bytes)).filter(() => below(3) > 0);
        return { bytes, rows, stamps: signal === 'metrics' ? null : stampsOf(signal, rows.length, below) };
      });
      const said = (requests: readonly Uint8Array[]): readonly string[] => canonical(requests.map((bytes) => unsignedTimes(parseOtlp(signal, bytes))));
      expect(said(spliced(signal, parts))).toEqual(said([rebuilt(signal, parts)]));
    }), { seed, numRuns });
  });

  test(`that were changed and taken are taken by others, spliced (seed ${seed})`, () => {
    const below = belowOf(seed);
    let taken = 0;
    for (const request of fc.sample(requestOf(signal, true), { seed, numRuns: numRuns * 10 })) {
      const { bytes, done } = mutateFields(signal, wireBytes(signal, request, below, ['order']), below);
      if (coded(() => decodeOtlp(signal, bytes, { isChecked: true })) !== null || decodeOtlp(signal, bytes).rowCount === 0) continue;
      taken++;
      const [out] = spliced(signal, [whole(signal, bytes)]);
      const error = coded(() => decodeOtlp(signal, out, { isChecked: true }))?.message ?? refusedBy(signal, out);
      expect(error, done.join()).toBeNull();
    }
    expect(taken).toBeGreaterThan(numRuns / 2);
  });
});

test('what is not spliced: resources and scopes without items, and what a request itself says that nobody knows', () => {
  const span = field(2, field(5, Buffer.from('a')));
  const unknown = field(100, [1]);
  const bytes = Buffer.concat([field(1, field(3, Buffer.from('empty'))), unknown, field(1, field(2, field(3, Buffer.from('empty'))), unknown, field(2, unknown, span))]);
  const hex = (some: readonly Uint8Array[]): string[] => some.map((one) => Buffer.from(one).toString('hex'));
  expect(hex(spliced('traces', [whole('traces', bytes)]))).toEqual(hex([field(1, unknown, field(2, unknown, span))]));
});

/** Why protobufjs refuses a request; that it nests 100 messages and not more is its own. */
function refusedBy(signal: Signal, bytes: Uint8Array): string | null {
  try {
    parseOtlp(signal, bytes);
    return null;
  } catch (error) {
    return String(error).includes('max depth exceeded') ? null : String(error);
  }
}

const stampedKeys = ['sampling.adjusted_count', 'sampling.threshold', 'sampling.randomness', 'sampling.policy', 'sampling.partial', 'sampling.other'];

/** The request with some attributes that stamps replace. */
function stamped(request: OtlpRequest, below: Below): OtlpRequest {
  const text = JSON.stringify(unsignedTimes(request), (name, value: JsonObject) => {
    if (name !== 'attributes' || !Array.isArray(value)) return value;
    return [...value, ...stampedKeys.filter(() => below(4) === 0).map((key) => ({ key, value: { stringValue: 'x'.repeat(below(200)) } }))];
  });
  return JSON.parse(text) as OtlpRequest;
}

function stampsOf(signal: Signal, count: number, below: Below): ItemStamps {
  const texts = (some: readonly (string | null)[]): (string | null)[] => Array.from({ length: count }, () => some[below(some.length)]);
  const maybe = (some: readonly (string | null)[]): (string | null)[] | null => (below(3) === 0 ? null : texts(some));
  return {
    adjustedCount: Float64Array.from({ length: count }, () => [Number.NaN, 1, 2.5, 2 ** 56][below(4)]),
    traceState: signal === 'traces' ? texts([null, '', 'ot=th:8', `ot=th:8,v=${'y'.repeat(200)}`]) : null,
    threshold: maybe([null, '8']),
    randomness: maybe([null, '0'.repeat(14)]),
    policy: maybe([null, 'errors,häufig', 'z'.repeat(300)]),
    partial: below(3) === 0 ? 'trace_size' : null,
  };
}
