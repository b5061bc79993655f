import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferArena } from '../../../src/otap/ipc/buffer-source.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { mulberry } from '../../support/mulberry.ts';
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { allNoise, type Below, type Noise, wireBytes } from '../../support/otlp-wire.ts';
import { requestOf } from './arbitrary.ts';
import { unsignedTimes } from './unsigned-times.ts';

/*
 * Strategy: random requests with every field of every message, in all the bytes that protobuf allows for them.
 * Invariants: our tables say what was meant. protobufjs agrees where it can: it takes the last of two pieces of a message, and all members of a oneof.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);
const merging: ReadonlySet<Noise> = new Set(['split', 'stale']);

function belowOf(chance: number): Below {
  const random = mulberry(chance);
  return (below) => Math.floor(random() * below);
}

describe.each(['traces', 'logs', 'metrics'] as const)('random %s', (signal) => {
  test.each([...allNoise, 'all of it'] as const)(`with %s are read as they were meant (seed ${seed})`, (kind) => {
    const noise = kind === 'all of it' ? allNoise : [kind];
    const arena = new BufferArena();
    fc.assert(fc.property(requestOf(signal, true), fc.nat(), (request, chance) => {
      const bytes = wireBytes(signal, request, belowOf(chance), noise);
      const truth = canonical([unsignedTimes(request)]);
      if (!noise.some((own) => merging.has(own))) expect(canonical([unsignedTimes(parseOtlp(signal, bytes))])).toEqual(truth);
      arena.reset();
      expect(canonical([unsignedTimes(toOtlp(decodeOtlp(signal, bytes, { source: arena })))])).toEqual(truth);
    }), { seed, numRuns: Math.ceil(numRuns / 4) });
  });
});

test('a bool is true whichever of its 64 bits is set', () => {
  const high = [0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
  const sum = [0x3a, 2 + high.length - 1, 0x18, ...high];
  const metrics = Uint8Array.from([0x0a, sum.length + 4, 0x12, sum.length + 2, 0x12, sum.length, ...sum]);
  expect(canonical([toOtlp(decodeOtlp('metrics', metrics))])).toEqual([' |  | {sum:{isMonotonic:true}}']);
});
