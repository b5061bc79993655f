import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CodedError } from '../../../src/base/errors.ts';
import { BufferArena } from '../../../src/otap/ipc/buffer-source.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { encodeOtlp } from '../../../src/otlp/encode/protobuf.ts';
import { mulberry } from '../../support/mulberry.ts';
import { canonical } from '../../support/otlp-canonical.ts';
import { truthBytes } from '../../support/otlp-bytes.ts';
import { hasResourceField, mutateFields, saysTwice } from '../../support/otlp-mutate.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { type Below, wireBytes } from '../../support/otlp-wire.ts';
import { coded, readEverything } from '../../support/read-everything.ts';
import { requestOf } from './arbitrary.ts';
import { unsignedTimes } from './unsigned-times.ts';

/*
 * Strategy: random requests and a recorded one, changed at the boundaries of their fields at any depth, lengths around the change put right: other wire types, numbers and
 * lengths, bodies cut, filled, extended, moved, repeated, nested, groups.
 * Invariants: a request that was checked whole can be read whole, and taken; what the check refuses cannot be read, or is of no use to us but refused by
 * others: what later fields replace, text of resources without items. What is taken is what protobufjs reads, where the request says nothing twice; what it refuses, we refuse; what only we refuse is ids
 * of wrong length, groups, and known fields in another wire type, which protobufjs skips.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const runs = Number(process.env['FUZZ_RUNS'] ?? 800);
/** protobufjs goes 100 messages deep, two for each array. */
const tooDeepForIt = /max depth exceeded/;
const onlyOurs = /wire type \d$|where 0 or \d+ are right$|nested deeper than 64$/;
/** entity_refs, which the definitions that protobufjs has here lack; they are checked too. */
const entityRefs = 3;

/** Whether only we refuse a request that protobufjs takes, for a reason that it has not. */
function isOnlyOurs(signal: Signal, bytes: Uint8Array, { message }: CodedError): boolean {
  return onlyOurs.test(message) || hasResourceField(signal, bytes, entityRefs);
}

function canonicalOf(signal: Signal, bytes: Uint8Array): readonly string[] | Error {
  try {
    return canonical([unsignedTimes(parseOtlp(signal, bytes))]);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function takenCanonical(signal: Signal, bytes: Uint8Array): readonly string[] {
  const builder = new OutputBatchBuilder(signal);
  const batch = decodeOtlp(signal, bytes);
  builder.append(batch, allRows(batch), null);
  return canonical([unsignedTimes(parseOtlp(signal, encodeOtlp(builder.finish())))]);
}

const sources: readonly (readonly [Signal, string])[] = [['traces', 'traces_tiny_nozstd'], ['logs', 'logs_tiny_u8_nozstd'], ['metrics', 'collector_metrics']];

describe.each(sources)('changed requests of %s', (signal, recorded) => {
  const random = mulberry(seed);
  const below: Below = (limit) => Math.floor(random() * limit);
  const [real] = truthBytes(recorded);
  const cases = [
    ...fc.sample(requestOf(signal, true), { seed, numRuns: runs }).map((request) => mutateFields(signal, wireBytes(signal, request, below, ['order']), below)),
    ...Array.from({ length: runs / 4 }, () => mutateFields(signal, real, below)),
  ];
  const arena = new BufferArena();

  test(`are checked for what reading them would find (seed ${seed}, ${runs} cases)`, () => {
    const counts = { taken: 0, refused: 0, foundLate: 0, foundByOthers: 0 };
    for (const { bytes, done } of cases) {
      arena.reset();
      const checked = coded(() => decodeOtlp(signal, bytes, { isChecked: true, source: arena }));
      const walked = coded(() => decodeOtlp(signal, bytes));
      const found = walked ?? readEverything(decodeOtlp(signal, bytes))[0]?.error ?? null;
      if (checked === null) {
        counts.taken++;
        expect(found, done.join()).toBeNull();
        expect(readEverything(decodeOtlp(signal, bytes, { isChecked: true, source: arena }))).toEqual([]);
      } else if (found !== null) {
        counts.refused++;
        if (walked === null) counts.foundLate++;
      } else {
        counts.foundByOthers++;
        expect(canonicalOf(signal, bytes) instanceof Error || isOnlyOurs(signal, bytes, checked), `${done.join()}: ${checked.message}`).toBe(true);
      }
    }
    expect(counts.taken).toBeGreaterThan(runs / 5);
    expect(counts.refused).toBeGreaterThan(runs / 5);
    // Without the check these would be found when they are rebuilt.
    expect(counts.foundLate).toBeGreaterThan(runs / 20);
    expect(counts.foundByOthers).toBeLessThan(runs / 10);
  });

  test('are what protobufjs reads', () => {
    const counts = { same: 0, onlyOurs: 0, twice: 0 };
    for (const { bytes, done } of cases) {
      const checked = coded(() => decodeOtlp(signal, bytes, { isChecked: true }));
      const truth = canonicalOf(signal, bytes);
      if (checked !== null) {
        if (truth instanceof Error) continue;
        counts.onlyOurs++;
        expect(isOnlyOurs(signal, bytes, checked), `${done.join()}: ${checked.message}`).toBe(true);
      } else if (decodeOtlp(signal, bytes).rowCount === 0) continue;
      else if (truth instanceof Error) expect(truth.message, done.join()).toMatch(tooDeepForIt);
      else if (saysTwice(signal, bytes)) counts.twice++;
      else {
        counts.same++;
        expect(takenCanonical(signal, bytes), done.join()).toEqual(truth);
      }
    }
    expect(counts.same).toBeGreaterThan(runs / 20);
    expect(counts.onlyOurs).toBeGreaterThan(runs / 100);
    expect(counts.twice).toBeLessThan(runs / 20);
  });
});
