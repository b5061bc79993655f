import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { draws } from '../../../src/base/draws.ts';
import { messageOf } from '../../../src/base/errors.ts';
import { seededSeam } from '../../../src/base/seam.ts';
import type { Disk } from '../../../src/storage/disk.ts';
import { type Damage, headerComplaint, type LogRecord, readSegment } from '../../../src/storage/log-format.ts';
import { nodeDisk } from '../../../src/storage/node-disk.ts';
import { RecordLog, replaceSegment, retryAfterMs, segmentName, segmentOf, type SyncMode } from '../../../src/storage/record-log.ts';
import { FakeDisk } from '../../support/fake-disk.ts';

const directory = '/log';
const scratch = mkdtempSync(join(tmpdir(), 'thresher-log-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function openLog(disk: Disk, mode: SyncMode, states: (string | null)[] = [], firstSegment = 1) {
  const seam = seededSeam(1);
  const log = new RecordLog({ disk, directory, mode, syncIntervalMs: 100, firstSegment, seam, onState: (failure) => states.push(failure?.reason ?? null) });
  return { log, seam };
}

function bodyOf(value: number): Uint8Array {
  const bytes = new Uint8Array(4 + (value % 700)).fill(value % 251);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** What the segments of a disk say, each record checked whole. */
async function readLog(disk: Disk): Promise<{ values: number[]; damage: Damage[] }> {
  const values: number[] = [];
  const damage: Damage[] = [];
  const names = (await disk.list(directory)).filter((name) => segmentOf(name) !== null).sort();
  for (const name of names) {
    const bytes = await disk.read(`${directory}/${name}`);
    expect(headerComplaint(bytes)).toBeNull();
    for (const entry of readSegment(bytes)) {
      if (!('body' in entry)) {
        damage.push(entry);
        continue;
      }
      const value = new DataView(entry.body.buffer, entry.body.byteOffset).getUint32(0, true);
      expect(entry.body).toEqual(bodyOf(value));
      expect(entry.kind).toBe(value % 5);
      values.push(value);
    }
  }
  return { values, damage };
}

interface Run {
  /** What was resolved as durable before the crash. */
  readonly durable: number[];
  readonly appended: number;
}

/** Appends until the disk is gone, in bursts of some records a turn, with rolls in between. */
async function runUntilCrash(disk: FakeDisk, mode: SyncMode, seed: number): Promise<Run> {
  const { log, seam } = openLog(disk, mode);
  const next = draws(seed);
  const durable: number[] = [];
  let appended = 0;
  for (let turn = 0; turn < 40 && !disk.isDead; turn++) {
    const burst = Array.from({ length: 1 + Math.floor(next() * 4) }, () => appended++);
    const waits = burst.map((value) => log.append(value % 5, [bodyOf(value)]).then(() => durable.push(value), () => undefined));
    if (next() < 0.15) log.roll();
    if (next() < 0.7) await Promise.all(waits);
    seam.advanceMs(next() < 0.1 ? retryAfterMs : 30);
    await log.syncOverdue();
  }
  await log.close();
  return { durable, appended };
}

describe('the log on a disk with faults', () => {
  // Scenario: the process or the machine dies at any operation of the disk, among short writes, failing writes and failing syncs.
  // Guarantees: what was resolved as durable is there, nothing is there twice or garbled, only the ends of segments are torn.
  it('has after any crash all that was durable, in order, and nothing garbled', { timeout: 60_000 }, async () => {
    const crashes = { kill: 0, powerLoss: 0 };
    for (let seed = 1; seed <= 400; seed++) {
      const mode = seed % 2 === 0 ? 'fsync' : 'async';
      const by = mode === 'fsync' && seed % 4 === 0 ? 'powerLoss' : 'kill';
      const disk = new FakeDisk(seed, { shortWrite: 0.2, writeError: seed % 3 === 0 ? 0.05 : 0, syncError: seed % 5 === 0 ? 0.05 : 0, crashAfterOperations: 1 + (seed * 7) % 90 });
      const { durable, appended } = await runUntilCrash(disk, mode, seed);
      const { values } = await readLog(disk.restart(by));
      expect(new Set(values).size, `seed ${seed}: once each`).toBe(values.length);
      expect(values, `seed ${seed}: in order`).toEqual([...values].sort((a, b) => a - b));
      expect(values.every((value) => value < appended)).toBe(true);
      expect(durable.filter((value) => !values.includes(value)), `seed ${seed}: nothing durable is lost`).toEqual([]);
      crashes[by] += disk.injected.crash;
    }
    expect(crashes.kill).toBeGreaterThan(100);
    expect(crashes.powerLoss).toBeGreaterThan(50);
  });

  it('control: without syncs, a loss of power loses what was resolved', async () => {
    let lost = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const disk = new FakeDisk(seed, { crashAfterOperations: 1 + (seed * 7) % 90 });
      const { durable } = await runUntilCrash(disk, 'async', seed);
      const { values } = await readLog(disk.restart('powerLoss'));
      lost += durable.filter((value) => !values.includes(value)).length;
    }
    expect(lost).toBeGreaterThan(0);
  });

  it('shares one write and one sync between what comes in one turn', async () => {
    const disk = new FakeDisk(1);
    const { log } = openLog(disk, 'fsync');
    await log.append(0, [bodyOf(0)]);
    const before = disk.operations;
    await Promise.all(Array.from({ length: 50 }, (_, i) => log.append((i + 1) % 5, [bodyOf(i + 1)])));
    expect(disk.operations - before).toBe(2);
    await log.close();
    expect((await readLog(disk)).values).toEqual(Array.from({ length: 51 }, (_, i) => i));
  });

  it('says what is wrong, rests, and goes on in a new segment', async () => {
    const disk = new FakeDisk(1);
    const states: (string | null)[] = [];
    const { log, seam } = openLog(disk, 'fsync', states);
    await log.append(0, [bodyOf(0)]);
    disk.faults.capacityBytes = disk.usedBytes;
    await expect(log.append(1, [bodyOf(1)])).rejects.toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'storage_full', retryAfterMs });
    const operations = disk.operations;
    await expect(log.append(2, [bodyOf(2)])).rejects.toMatchObject({ reason: 'storage_full' });
    expect(disk.operations, 'nothing is tried meanwhile').toBe(operations);
    disk.faults.capacityBytes = Infinity;
    disk.faults.isReadOnly = true;
    seam.advanceMs(retryAfterMs);
    expect(log.failure).toBeNull();
    await expect(log.append(3, [bodyOf(3)])).rejects.toMatchObject({ reason: 'storage_read_only' });
    disk.faults.isReadOnly = false;
    seam.advanceMs(retryAfterMs);
    await log.append(4, [bodyOf(4)]);
    expect(states).toEqual(['storage_full', 'storage_read_only', null]);
    expect((await readLog(disk)).values).toEqual([0, 4]);
  });

  it('never trusts a segment again whose sync failed', async () => {
    const disk = new FakeDisk(3);
    const { log, seam } = openLog(disk, 'fsync');
    await log.append(0, [bodyOf(0)]);
    disk.faults.syncError = 1;
    await expect(log.append(1, [bodyOf(1)])).rejects.toMatchObject({ reason: 'storage_failed' });
    disk.faults.syncError = 0;
    seam.advanceMs(retryAfterMs);
    await log.append(2, [bodyOf(2)]);
    expect((await disk.list(directory)).sort()).toEqual([segmentName(1), segmentName(2)]);
    expect((await readLog(disk.restart('powerLoss'))).values).toEqual(expect.arrayContaining([0, 2]));
  });
});

describe('a segment', () => {
  it('names what of it is damaged, and goes on after it', async () => {
    const disk = new FakeDisk(1);
    const { log } = openLog(disk, 'fsync');
    for (let i = 0; i < 6; i++) await log.append(i % 5, [bodyOf(i + 10)]);
    await log.close();
    const path = `${directory}/${segmentName(1)}`;
    const whole = await disk.read(path);
    const bodies = (bytes: Uint8Array): (LogRecord | Damage)[] => [...readSegment(bytes)];
    expect(bodies(whole)).toHaveLength(6);
    // The third record starts after the header and two records of 16 + 4 + 10 and 16 + 4 + 11 bytes.
    const third = 16 + 30 + 31;
    for (const at of [third, third + 5, third + 9, third + 13, third + 20]) {
      const damaged = whole.slice();
      damaged[at] ^= 0xff;
      expect(bodies(damaged).map((entry) => ('body' in entry ? 'record' : entry))).toEqual(['record', 'record', { at: third, bytes: 32, isTail: false }, 'record', 'record', 'record']);
    }
    for (let cut = whole.length - 1; cut > whole.length - 35; cut--) expect(bodies(whole.subarray(0, cut)).at(-1)).toMatchObject({ isTail: true });
  });

  it('of another version or kind is refused by name', () => {
    expect(headerComplaint(new Uint8Array(16))).toBe('it is not a segment of the log');
    expect(headerComplaint(Uint8Array.from([0x54, 0x53, 0x45, 0x47, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).toBe('it is of version 9, and this program reads version 1');
    expect(segmentOf('0000000012.log')).toBe(12);
    expect(segmentOf('12.log.new')).toBeNull();
  });

  it('is replaced as a whole, on the real file system too', async () => {
    for (const disk of [new FakeDisk(1), nodeDisk]) {
      const own = disk === nodeDisk ? scratch : directory;
      const log = new RecordLog({ disk, directory: own, mode: 'fsync', syncIntervalMs: 100, firstSegment: 1, seam: seededSeam(1), onState: (failure) => expect(messageOf(failure)).toBe('null') });
      for (let i = 0; i < 100; i++) await log.append(i % 5, [bodyOf(i)]);
      await log.close();
      const path = join(own, segmentName(1));
      expect([...readSegment(await disk.read(path))]).toHaveLength(100);
      const bytes = await replaceSegment(disk, own, 1, [{ kind: 3, body: bodyOf(3) }]);
      expect(await disk.size(path)).toBe(bytes);
      expect([...readSegment(await disk.read(path))]).toEqual([{ kind: 3, body: bodyOf(3) }].map(({ kind, body }) => ({ kind, body: expect.objectContaining({ length: body.length }) })));
      expect(await disk.list(own)).toEqual([segmentName(1)]);
    }
  });
});
