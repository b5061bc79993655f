import { describe, expect, test } from 'vitest';
import { encodeRecord, readSegment, segmentHeader } from '../../../src/storage/log-format.ts';
import { segmentName } from '../../../src/storage/record-log.ts';
import { scanSegment } from '../../../src/storage/scan-segment.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { mulberry } from '../../support/mulberry.ts';

/** Strategy: segments of records of random kinds and sizes, some larger than what is read at once, some damaged or cut off. Invariant: what is found is what a start finds. */
const runs = 40;
const seed = 5;

async function write(disk: FakeDisk, bytes: Uint8Array): Promise<void> {
  const file = await disk.create(`/data/${segmentName(1)}`);
  await file.write(bytes, 0);
}

async function found(disk: FakeDisk, wants: (kind: number, body: Uint8Array) => boolean): Promise<Set<string>> {
  const texts = new Set<string>();
  for await (const { kind, body } of scanSegment(disk, '/data', 1, wants)) texts.add(`${kind} ${Buffer.from(body).toString('hex')}`);
  return texts;
}

describe('records of a segment that are wanted', () => {
  test(`are those that a start finds (seed ${seed})`, async () => {
    const chance = mulberry(seed);
    const below = (count: number): number => Math.floor(chance() * count);
    let damaged = 0;
    for (let run = 0; run < runs; run++) {
      const large = chance() < 0.2;
      const records = Array.from({ length: 1 + below(60) }, () => encodeRecord(below(4), [Uint8Array.from({ length: large && chance() < 0.03 ? 1_100_000 : below(300) }, () => below(256))]));
      const bytes = Buffer.concat([segmentHeader(1), ...records]);
      const isDamaged = chance() < 0.5;
      for (let i = 0; isDamaged && i < 3; i++) bytes[16 + below(bytes.length - 16)] ^= 1 + below(255);
      const cut = chance() < 0.3 ? bytes.subarray(0, bytes.length - below(200)) : bytes;
      const disk = new FakeDisk(1);
      await write(disk, cut);
      const whole = [...readSegment(cut)];
      const expected = new Set(whole.flatMap((entry) => ('body' in entry && entry.kind === 2 ? [`2 ${Buffer.from(entry.body).toString('hex')}`] : [])));
      if (whole.some((entry) => !('body' in entry))) damaged++;
      const texts = await found(disk, (kind) => kind === 2);
      expect([...expected].filter((text) => !texts.has(text)), `run ${run}`).toEqual([]);
      expect([...texts].filter((text) => !expected.has(text)), `run ${run}`).toEqual([]);
    }
    expect(damaged).toBeGreaterThan(10);
  });

  test('a length that is damaged takes no memory', async () => {
    const records = [1, 2].map((kind) => encodeRecord(kind, [new Uint8Array(100).fill(kind)]));
    const bytes = Buffer.concat([segmentHeader(1), ...records]);
    bytes.writeUInt32LE(2 ** 31, segmentHeader(1).length + 4);
    const disk = new FakeDisk(1);
    await write(disk, bytes);
    let greatest = 0;
    const open = disk.open.bind(disk);
    disk.open = async (path) => {
      const file = await open(path);
      return { read: (into, at) => {
        greatest = Math.max(greatest, into.length);
        return file.read(into, at);
      }, close: () => file.close() };
    };
    expect((await found(disk, () => true)).size).toBe(1);
    expect(greatest).toBeLessThanOrEqual(2 ** 20);
  });

  test('of a segment that is not there are none; a disk that fails says so', async () => {
    const disk = new FakeDisk(1);
    expect(await found(disk, () => true)).toEqual(new Set());
    await write(disk, segmentHeader(1));
    disk.faults.readError = 1;
    await expect(found(disk, () => true)).rejects.toThrow();
  });
});
