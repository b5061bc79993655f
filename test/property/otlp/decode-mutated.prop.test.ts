import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { seededSeam } from '../../../src/base/seam.ts';
import type { Column } from '../../../src/otap/column.ts';
import { anyValueText, valueColumnsOf } from '../../../src/otap/decode/any-value.ts';
import { BufferArena } from '../../../src/otap/ipc/buffer-source.ts';
import { type Signal, signalPayloads } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { OtlpDecodeError } from '../../../src/otlp/decode/errors.ts';
import type { OtlpBatch } from '../../../src/otlp/decode/otlp-batch.ts';
import { truthBytes } from '../../support/otlp-bytes.ts';

/*
 * Strategy: a short recorded request of each signal, bytes flipped, replaced by runs, moved or cut off; then everything of it is read, and taken.
 * Invariants: a batch or an OtlpDecodeError from the reader, a batch or a CodedError from whoever reads columns, nothing else; no case takes long; a
 * column has as many rows as its table; the good request is still read afterwards.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const runs = Number(process.env['FUZZ_RUNS'] ?? 2500);
const longestMs = 250;
const sources: readonly (readonly [Signal, string])[] = [['traces', 'traces_tiny_nozstd'], ['logs', 'logs_tiny_u8_nozstd'], ['metrics', 'collector_metrics']];

type Random = (below: number) => number;

function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (random(8) === 0) return copy.subarray(0, random(copy.length));
  for (let change = random(4); change >= 0; change--) {
    const at = random(copy.length);
    switch (random(4)) {
      case 0:
        copy.fill(random(256), at, at + 1 + random(12));
        break;
      case 1:
        copy.copyWithin(at, random(copy.length), at + random(64));
        break;
      case 2:
        copy[at] = random(2) === 0 ? 0xff : 0x80;
        break;
      default:
        copy[at] ^= 1 << random(8);
    }
  }
  return copy;
}

/** Reads all that can be read, on past what throws. */
function readAll(batch: OtlpBatch): number {
  let refused = 0;
  for (const info of signalPayloads[batch.signal]) {
    const table = batch.table(info.name);
    if (table === null) continue;
    for (const path of table.paths) refused += guarded(() => checkColumn(table.column(path), table.rowCount));
    if (info.kind !== 'attributes') continue;
    refused += guarded(() => table.rowsOfKey('service.name').rows.every((row) => row < table.rowCount));
    refused += guarded(() => {
      const columns = valueColumnsOf(table, '');
      for (let row = 0; row < table.rowCount; row++) refused += guarded(() => anyValueText(columns, row));
    });
  }
  const builder = new OutputBatchBuilder(batch.signal);
  return refused + guarded(() => builder.append(batch, allRows(batch), null));
}

/** 1 where `read` throws what it may throw. */
function guarded(read: () => unknown): number {
  try {
    read();
    return 0;
  } catch (error) {
    if (error instanceof CodedError && error.status === 'INVALID_ARGUMENT') return 1;
    throw error;
  }
}

function checkColumn(column: Column | null, rowCount: number): void {
  if (column !== null) expect(column.length).toBe(rowCount);
  if (column?.kind === 'dictionary' && rowCount > 0 && column.validity === null) expect(Math.max(...column.codes.subarray(0, 1000))).toBeLessThan(column.dictionary.size);
}

describe.each(sources)('mutated %s', (signal, name) => {
  test(`give a batch or a reason (seed ${seed}, ${runs} cases)`, () => {
    const [good] = truthBytes(name);
    const seam = seededSeam(seed + name.length);
    const random: Random = (below) => Math.floor(seam.jitter() * below);
    const arena = new BufferArena();
    let refused = 0;
    let partly = 0;
    for (let run = 0; run < runs; run++) {
      const bytes = mutated(good, random);
      const began = process.cpuUsage();
      try {
        if (readAll(decodeOtlp(signal, bytes, { source: arena })) > 0) partly++;
      } catch (error) {
        if (!(error instanceof OtlpDecodeError)) throw new Error(`case ${run}`, { cause: error });
        refused++;
      }
      arena.reset();
      const tookMs = process.cpuUsage(began).user / 1000;
      if (tookMs > longestMs) throw new Error(`case ${run} took ${tookMs} ms of CPU`);
    }
    expect(refused).toBeGreaterThan(runs / 20);
    expect(refused).toBeLessThan(runs);
    expect(partly).toBeGreaterThan(0);
    expect(readAll(decodeOtlp(signal, good))).toBe(0);
  });
});
