import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { seededSeam } from '../../../src/base/seam.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import type { Column } from '../../../src/otap/column.ts';
import { anyValueText, valueColumnsOf } from '../../../src/otap/decode/any-value.ts';
import { OtapDecodeError } from '../../../src/otap/decode/errors.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { signalPayloads } from '../../../src/otap/payload-type.ts';
import { captureOf, readCapture } from '../../support/captures.ts';

/*
 * Strategy: the first batches of recorded streams, bytes flipped (singly, or a run replaced) or the end cut off, in the
 * first batch or in one that continues a stream; then everything of the batch is read.
 * Invariants: a batch or a CodedError, nothing else; nothing hangs; the decoder holds no more than its limits; a fresh
 * decoder still decodes the good batches afterwards; where the stream is said to be whole the next batch gives a batch
 * or a CodedError too.
 */

const seed = Number(process.env.FUZZ_SEED ?? 20261121);
const runs = Number(process.env.FUZZ_RUNS ?? 900);
const names = ['traces_zstd', 'traces_tiny_nozstd', 'logs_zstd', 'logs_tiny_u8_nozstd', 'metrics_zstd', 'rust/rust_traces', 'rust/rust_logs', 'rust/rust_metrics'];
const limits = { batchBytesMax: 8 << 20, rowsMax: 1 << 16, dictionaryEntriesMax: 1 << 16, dictionaryBytesMax: 4 << 20 };

type Random = (below: number) => number;

function randomOf(name: string): Random {
  const seam = seededSeam(seed + name.length * 7919);
  return (below) => Math.floor(seam.jitter() * below);
}

function mutate(bar: Uint8Array, random: Random): Uint8Array {
  if (random(6) === 0) return bar.slice(0, random(bar.length));
  const copy = Uint8Array.from(bar);
  const flips = 1 + random(4);
  for (let flip = 0; flip < flips; flip++) {
    // Metadata and dictionaries come early in a record, so half of the flips go to the first kilobytes.
    const at = random(random(2) === 0 ? Math.min(copy.length, 4_096) : copy.length);
    if (random(3) === 0) copy.fill(random(256), at, at + 1 + random(8));
    else copy[at] ^= 1 << random(8);
  }
  return copy;
}

/** Reads all columns, ids, texts and attribute values. */
function readAll(batch: OtapBatch): void {
  for (const { name, kind } of signalPayloads[batch.signal]) {
    const table = batch.table(name);
    if (table === null) continue;
    for (const path of table.paths) touch(table.column(path));
    for (const path of ['id', 'resource.id', 'scope.id', 'parent_id']) table.ids(path);
    if (kind !== 'attributes') continue;
    table.rowsOfKey('http.route');
    const values = valueColumnsOf(table, '');
    for (let row = 0; row < Math.min(table.rowCount, 50); row++) anyValueText(values, row);
  }
}

function touch(column: Column | null): void {
  if (column?.kind !== 'dictionary') return;
  const { store, size } = column.dictionary;
  for (let code = 0; code < size; code++) {
    if (store.type === 'utf8') store.text(code);
    else store.isNull(code);
  }
}

/** True where the batch was decoded and read, false where it was refused; what is thrown else is thrown on. */
function survives(decoder: OtapStreamDecoder, bar: Uint8Array): { decoded: boolean; broken: boolean } {
  try {
    readAll(decoder.decode(bar));
    return { decoded: true, broken: false };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { decoded: false, broken: error instanceof OtapDecodeError && error.streamBroken };
  }
}

describe(`mutated batches (seed ${seed})`, () => {
  test.each(names)('%s', (name) => {
    const { signal } = captureOf(name);
    const random = randomOf(name);
    const bars = readCapture(name).slice(0, 4);
    let refused = 0;
    for (let run = 0; run < runs / names.length; run++) {
      const decoder = new OtapStreamDecoder(signal, limits);
      const hit = random(2);
      for (let index = 0; index < hit; index++) decoder.decode(bars[index]);
      const bad = mutate(bars[hit], random);
      const label = `seed ${seed}, run ${run}, batch ${hit}`;
      const outcome = expectNoOtherError(() => survives(decoder, bad), label);
      if (!outcome.decoded) refused++;
      if (!outcome.broken) expectNoOtherError(() => survives(decoder, bars[hit + 1]), `${label}, next batch`);
      expect(decoder.byteLength, label).toBeLessThan(32 << 20);
    }
    expect(refused).toBeGreaterThan(10);
    const fresh = new OtapStreamDecoder(signal, limits);
    for (const bar of bars) expect(survives(fresh, bar)).toEqual({ decoded: true, broken: false });
  });
});

function expectNoOtherError<T>(run: () => T, label: string): T {
  try {
    return run();
  } catch (error) {
    throw new Error(`${label}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
  }
}
