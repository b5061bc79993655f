import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { seededSeam } from '../../../src/base/seam.ts';
import { readRecords } from '../../../src/storage/read-records.ts';
import { RecordLog, type RecordPlace, segmentName } from '../../../src/storage/record-log.ts';
import { FakeDisk } from '../../support/fake-disk.ts';

const directory = '/bodies';

/** A log of so many records of random lengths in segments of some, and where each stands. */
async function written(disk: FakeDisk, count: number): Promise<{ readonly bodies: Uint8Array[]; readonly places: RecordPlace[] }> {
  const log = new RecordLog({ disk, directory, mode: 'never', syncIntervalMs: Infinity, firstSegment: 1, seam: seededSeam(1), onState: () => undefined });
  const bodies = Array.from({ length: count }, (_, index) => new Uint8Array(1 + (index * 7919) % 300).fill(index));
  const places: RecordPlace[] = [];
  const durable: Promise<void>[] = [];
  for (const [index, body] of bodies.entries()) {
    if (index > 0 && index % 10 === 0) log.roll();
    durable.push(log.append(2, [body]));
    places.push(log.last);
    if (index % 3 === 0) await Promise.all(durable);
  }
  await Promise.all(durable);
  await log.close();
  return { bodies, places };
}

const inSegment = <T extends { readonly segment: number }>(places: readonly T[], segment: number): T[] => places.filter((place) => place.segment === segment);

describe('records are read where the log said that they stand', () => {
  test('a stretch of them, with gaps, and one by itself; nothing is synced that nobody reads after a crash', async () => {
    const disk = new FakeDisk(3, { shortWrite: 0.3, syncError: 1 });
    const { bodies, places } = await written(disk, 35);
    expect(disk.injected.shortWrite).toBeGreaterThan(3);
    expect(places.map(({ segment }) => segment)).toEqual(bodies.map((_, index) => 1 + Math.floor(index / 10)));
    for (const segment of [1, 2, 3, 4]) {
      const own = inSegment(places, segment);
      const of = bodies.slice((segment - 1) * 10, segment * 10);
      expect(await readRecords(disk, directory, own)).toEqual(of);
      expect(await readRecords(disk, directory, own.filter((_, index) => index % 2 === 1))).toEqual(of.filter((_, index) => index % 2 === 1));
      expect(await readRecords(disk, directory, own.slice(-1))).toEqual(of.slice(-1));
    }
  });

  test('one that is damaged is an error in its place alone, wherever the damage is', async () => {
    for (const inRecord of [0, 5, 9, 13, 16, 30]) {
      const disk = new FakeDisk(3);
      const { bodies, places } = await written(disk, 10);
      disk.corrupt(`${directory}/${segmentName(1)}`, places[4].at + inRecord);
      const read = await readRecords(disk, directory, places);
      expect(read.map((body) => body instanceof CodedError)).toEqual(bodies.map((_, index) => index === 4));
      expect(read.filter((_, index) => index !== 4)).toEqual(bodies.filter((_, index) => index !== 4));
      expect(String(read[4])).toContain('checksum');
    }
  });

  test('where a stretch cannot be read its records are, one by one; a file that is gone is an error for each', async () => {
    const disk = new FakeDisk(3);
    const { places } = await written(disk, 10);
    disk.faults.readError = 0.4;
    let failures = 0;
    for (let round = 0; round < 20; round++) failures += (await readRecords(disk, directory, places)).filter((body) => body instanceof CodedError).length;
    expect(failures).toBeGreaterThan(0);
    expect(failures).toBeLessThan(20 * 10 * 0.4);
    await disk.remove(`${directory}/${segmentName(1)}`);
    const gone = await readRecords(disk, directory, places);
    expect(gone.every((body) => body instanceof CodedError && body.reason === 'record_unreadable')).toBe(true);
  });
});
