import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { Splicer } from '../../../src/otlp/splice/splicer.ts';
import { readWithGo, withoutGo } from '../../support/go-json.ts';
import { mulberry } from '../../support/mulberry.ts';
import { mutateFields } from '../../support/otlp-mutate.ts';
import { allNoise, type Below, wireBytes } from '../../support/otlp-wire.ts';
import { coded } from '../../support/read-everything.ts';
import { requestOf } from './arbitrary.ts';

/*
 * Strategy: random requests in every form of protobuf, changed at the boundaries of their fields; those that the check takes are spliced, and given to
 * the Collector's own reader (pdata).
 * Invariant: it takes every one of them, so that no sender's items make a Collector refuse what stands beside them. It does refuse requests that the check
 * refuses, so it can.
 */
const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const runs = Number(process.env['FUZZ_RUNS'] ?? 400);

test.skipIf(withoutGo !== null).each(['traces', 'logs', 'metrics'] as const)(`the Collector takes spliced %s (seed ${seed})`, async (signal) => {
  const random = mulberry(seed);
  const below: Below = (limit) => Math.floor(random() * limit);
  const taken: Uint8Array[] = [];
  const refused: Uint8Array[] = [];
  for (const request of fc.sample(requestOf(signal, true), { seed, numRuns: runs })) {
    const good = wireBytes(signal, request, below, ['order']);
    const { bytes } = below(4) === 0 ? { bytes: wireBytes(signal, request, below, allNoise) } : mutateFields(signal, good, below);
    if (coded(() => decodeOtlp(signal, bytes, { isChecked: true })) !== null) refused.push(bytes);
    else taken.push(...splicedOf(bytes));
  }
  const readings = await readWithGo(signal, 'proto', taken);
  expect(readings.flatMap((reading, index) => ('error' in reading ? [`${reading.error}: ${Buffer.from(taken[index]).toString('hex')}`] : []))).toEqual([]);
  expect(taken.length).toBeGreaterThan(runs / 20);
  expect((await readWithGo(signal, 'proto', refused)).filter((reading) => 'error' in reading).length).toBeGreaterThan(runs / 20);

  function splicedOf(bytes: Uint8Array): readonly Uint8Array[] {
    const splicer = new Splicer(signal);
    const batch = decodeOtlp(signal, bytes);
    splicer.append(batch, allRows(batch), null);
    return splicer.finish().requests(1 << 30).map((request) => request.bytes);
  }
});
