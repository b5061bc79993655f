import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { StreamLayout } from '../../../src/otap/decode/layout.ts';
import { BodyReader } from '../../../src/pipeline/body-reader.ts';
import { RetainedFiles, type RetainedFilesOptions } from '../../../src/pipeline/retained-files.ts';
import { retryAfterMs, segmentName } from '../../../src/storage/record-log.ts';
import { HeldBatch, type HeldBytes } from '../../../src/store/held-batch.ts';
import { serialiseRetained } from '../../../src/store/retained-batch.ts';
import { FakeDisk } from '../../support/fake-disk.ts';

const directory = '/data/retained';

async function openFiles(disk: FakeDisk, options: Partial<RetainedFilesOptions> = {}) {
  const seam = seededSeam(1);
  const states: (string | null)[] = [];
  const files = await RetainedFiles.open({ disk, directory, limitBytes: 1e9, segmentBytes: 5000, onError: 'refuse', seam, onState: (failure) => states.push(failure?.reason ?? null), ...options });
  return { files, seam, states };
}

function heldBatch(ordinal: number, account: HeldBytes, bodyBytes = 1000): HeldBatch {
  const header = { kind: 'batch', signal: 'logs', encoding: 'none', withoutThreshold: 'unsampled', isChecked: true, batchOrdinal: ordinal, arrivalUnixNano: 5n, streamNumber: 0, bodyBytes } as const;
  const held = new HeldBatch(serialiseRetained(header, new Uint8Array(bodyBytes).fill(ordinal)), 8, new StreamLayout('logs', [], 11), account);
  held.hold();
  return held;
}

/** Until all that was handed over is written, or has failed. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function readBack(batches: readonly HeldBatch[]): Promise<(number | string)[]> {
  const reader = new BodyReader(batches.map((batch) => ({ batch })));
  const read: (number | string)[] = [];
  for (let next = reader.next(); next !== null; next = reader.next()) {
    read.push(await Promise.resolve(next.bytes).then((bytes) => bytes[bytes.length - 1] ?? -1, (error: unknown) => String(error)));
  }
  return read;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('batches on the disk', () => {
  test('leave memory, are read back the same, and their files go when nobody holds a batch in them', async () => {
    const disk = new FakeDisk(1, { shortWrite: 0.2 });
    const { files, states } = await openFiles(disk);
    const account: HeldBytes = { retained: 0 };
    const batches = range(23).map((ordinal) => heldBatch(ordinal, account));
    const [first] = batches;
    const inMemory = account.retained;
    for (const held of batches) {
      await files.take(held);
      await settled();
    }
    expect(batches.map(({ bytes }) => bytes)).toEqual(batches.map(() => null));
    expect(account.retained).toBe(inMemory - 23 * (first.serialisedBytes - 450));
    expect(first.byteLength).toBe(first.serialisedBytes + first.layout.byteLength);
    expect(await readBack(batches)).toEqual(range(23));
    expect(await disk.list(directory)).toEqual([1, 2, 3, 4, 5].map(segmentName));

    batches[2].hold();
    for (const held of batches) held.release();
    await settled();
    expect((await disk.list(directory)).sort(), 'one batch in the first is held').toEqual([1].map(segmentName));
    expect(await readBack([batches[2]])).toEqual([2]);
    batches[2].release();
    await settled();
    expect(await disk.list(directory)).toEqual([]);
    expect(files.byteLength).toBe(0);
    expect(account.retained).toBe(0);
    const last = heldBatch(23, account);
    await files.take(last);
    await settled();
    expect(await readBack([last])).toEqual([23]);
    await files.close();
    expect(await disk.list(directory)).toEqual([]);
    expect(files.byteLength).toBe(0);
    expect(states).toEqual([]);
  });

  test('what nobody holds any more when it is taken, or when it is written, leaves nothing behind', async () => {
    const disk = new FakeDisk(1);
    const { files } = await openFiles(disk, { segmentBytes: 500 });
    const account: HeldBytes = { retained: 0 };
    const [gone, going, staying] = range(3).map((ordinal) => heldBatch(ordinal, account));
    gone.release();
    await files.take(gone);
    expect(files.byteLength).toBe(0);
    const taking = files.take(going);
    going.release();
    await taking;
    await files.take(staying);
    await settled();
    expect(await disk.list(directory)).toEqual([segmentName(2)]);
    expect(account.retained, 'its own objects').toBeLessThan(staying.layout.byteLength + 500);
  });

  test('what an earlier process left is removed at the start', async () => {
    const disk = new FakeDisk(1);
    const { files } = await openFiles(disk);
    await files.take(heldBatch(1, { retained: 0 }));
    await settled();
    const next = disk.restart('kill');
    expect(await next.list(directory)).toEqual([segmentName(1)]);
    await openFiles(next);
    expect(await next.list(directory)).toEqual([]);
  });
});

describe('a disk that fails', () => {
  test('full: what cannot be written stays in memory and is whole; senders are refused, and taken again when there is room', async () => {
    const disk = new FakeDisk(1, { capacityBytes: 6500 });
    const { files, seam, states } = await openFiles(disk, { segmentBytes: 1e6 });
    const account: HeldBytes = { retained: 0 };
    const batches = range(9).map((ordinal) => heldBatch(ordinal, account));
    for (const held of batches) {
      await files.take(held);
      await settled();
    }
    expect(states).toEqual(['storage_full']);
    expect(batches.map(({ bytes }) => bytes === null)).toEqual(range(9).map((index) => index < 6));
    expect(await readBack(batches)).toEqual(range(9));
    expect(() => files.admit(1000)).toThrow(expect.objectContaining({ status: 'RESOURCE_EXHAUSTED', reason: 'storage_full' }));
    disk.faults.capacityBytes = Infinity;
    seam.advanceMs(retryAfterMs);
    expect(() => files.admit(1000)).not.toThrow();
    await files.take(batches[8]);
    await settled();
    expect(batches[8].bytes).toBeNull();
    expect(states).toEqual(['storage_full', null]);
    expect(await readBack(batches)).toEqual(range(9));
    for (const held of batches) held.release();
    await settled();
    expect(await disk.list(directory)).toEqual([]);
  });

  test.each(['refuse', 'memory'] as const)('at storage.limit, %s', async (onError) => {
    const { files, states } = await openFiles(new FakeDisk(1), { limitBytes: 3500, onError });
    const account: HeldBytes = { retained: 0 };
    const batches = range(5).map((ordinal) => heldBatch(ordinal, account));
    for (const held of batches) {
      await files.take(held);
      await settled();
    }
    expect(batches.filter(({ bytes }) => bytes === null).length).toBe(3);
    expect(files.byteLength).toBeLessThanOrEqual(3500);
    expect(states).toEqual(['storage_limit']);
    if (onError === 'refuse') expect(() => files.admit(1000)).toThrow(expect.objectContaining({ status: 'RESOURCE_EXHAUSTED', reason: 'storage_limit', retryAfterMs }));
    else expect(() => files.admit(1000)).not.toThrow();
  });

  test('at storage.limit below segment_size there is room again when nobody waits any more', async () => {
    const disk = new FakeDisk(1);
    const { files, states } = await openFiles(disk, { limitBytes: 3500 });
    for (let round = 0; round < 3; round++) {
      const batches = range(4).map((ordinal) => heldBatch(ordinal, { retained: 0 }));
      for (const held of batches) {
        await files.take(held);
        await settled();
      }
      expect(batches.filter(({ bytes }) => bytes === null).length).toBe(3);
      for (const held of batches) held.release();
      await settled();
      expect(files.byteLength).toBe(0);
      expect(await disk.list(directory)).toEqual([]);
    }
    expect(states).toEqual(['storage_limit', null, 'storage_limit', null, 'storage_limit']);
  });

  test('damage costs the batch that has it, no other', async () => {
    const disk = new FakeDisk(1);
    const { files } = await openFiles(disk, { segmentBytes: 1e6 });
    const batches = range(5).map((ordinal) => heldBatch(ordinal, { retained: 0 }));
    for (const held of batches) await files.take(held);
    await settled();
    disk.corrupt(`${directory}/${segmentName(1)}`, 2500);
    const read = await readBack(batches);
    expect(read.filter((each) => typeof each === 'string').length).toBe(1);
    expect(read[2]).toContain('checksum');
  });
});

describe('reading ahead', () => {
  test('one stretch of at most a megabyte beyond the one in use, parts in order, those in memory among them', async () => {
    const disk = new FakeDisk(1);
    const { files } = await openFiles(disk, { segmentBytes: 1e9 });
    const account: HeldBytes = { retained: 0 };
    const batches = range(40).map((ordinal) => heldBatch(ordinal, account, 300_000));
    for (const held of batches) if (held.ordinal % 10 !== 9) await files.take(held);
    await settled();
    let asked = 0;
    function* parts(): Generator<{ readonly batch: HeldBatch }> {
      for (const batch of batches) {
        asked++;
        yield { batch };
      }
    }
    const reader = new BodyReader(parts());
    for (const [index] of batches.entries()) {
      const next = reader.next();
      expect((await next?.bytes)?.at(-1)).toBe(index);
      expect(asked - index).toBeLessThanOrEqual(8);
    }
    expect(reader.next()).toBeNull();
  });

  test('of parts in memory none is asked for before it is needed', () => {
    const account: HeldBytes = { retained: 0 };
    let asked = 0;
    const reader = new BodyReader((function* () {
      for (let ordinal = 0; ordinal < 5; ordinal++) {
        asked++;
        yield { batch: heldBatch(ordinal, account) };
      }
    })());
    for (let index = 1; index <= 5; index++) {
      expect(reader.next()?.bytes).toBeInstanceOf(Uint8Array);
      expect(asked).toBe(index);
    }
  });
});
