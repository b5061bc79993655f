import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decisionCost } from '../../../bench/decisions.ts';
import { durabilityTable } from '../../../bench/durability.ts';
import { fiveColumns } from '../../../bench/five-columns.ts';
import { startUnixNano, writeCapture } from '../../../bench/generate.ts';
import { heldPerItem } from '../../../bench/held.ts';
import { liveOnce } from '../../../bench/live.ts';
import { type HeldSample, holdLong } from '../../../bench/long-window.ts';
import { median } from '../../../bench/meter.ts';
import { phaseOf, phaseShares } from '../../../bench/phases.ts';
import { profiled, stacksOf } from '../../../bench/profile.ts';
import { arrowReader } from '../../../bench/read-arrow.ts';
import { ownReader } from '../../../bench/read-own.ts';
import { firstMessages } from '../../../bench/readers.ts';
import { replayOnce } from '../../../bench/replay.ts';
import { hottest, readStacks } from '../../../bench/top.ts';
import { packageFile } from '../../../src/base/package-paths.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { eventTimes } from '../../../src/pipeline/slot-rows.ts';
import { LookupCache } from '../../../src/store/lookup.ts';

const directory = mkdtempSync(join(tmpdir(), 'thresher-bench-'));
const input = join(directory, 'traces.otap');
const policy = packageFile('bench/policies/tenth.sql');
/** A little more than one playing of the recorded stream, which has 21,348 spans of 1,584 traces. */
const items = 24_500;
const itemsPerSecond = 10_000;
const replay = { signal: 'traces', input, policy, output: join(directory, 'kept.otap'), itemsMax: items, windowMs: 1000, waitMs: 500 } as const;

beforeAll(() => writeCapture(input, { signal: 'traces', batchRows: 1000, items, itemsPerSecond }));
afterAll(() => rmSync(directory, { recursive: true }));

describe('generated traffic', () => {
  test('has the wanted batches, goes on in time at the wanted rate, and is of other traces each time', () => {
    const decoder = new OtapStreamDecoder('traces');
    const batches = firstMessages(input, items, 1000).map((bytes) => decoder.decode(bytes));
    expect(batches.map(({ rowCount }) => rowCount)).toEqual([...new Array<number>(24).fill(1000), 500]);
    const lookups = new LookupCache();
    const starts = batches.map((batch) => ((eventTimes(batch, lookups).min ?? 0) - startUnixNano) / 1e9);
    expect(starts[0]).toBeCloseTo(0, 6);
    for (const [index, start] of starts.entries()) expect(Math.abs(start - index / 10)).toBeLessThan(0.3);
    const traces = new Set<string>();
    for (const batch of batches) {
      const column = batch.table('SPANS')?.column('trace_id');
      if (column?.kind !== 'fixed_binary') throw new Error('trace ids are native');
      for (let row = 0; row < column.length; row++) traces.add(Buffer.from(column.data.subarray(row * 16, row * 16 + 16)).toString('hex'));
    }
    expect(traces.size).toBeGreaterThan(1584 + 150);
  });

  test('of logs has the wanted records', () => {
    const path = join(directory, 'logs.otap');
    writeCapture(path, { signal: 'logs', batchRows: 100, items: 250, itemsPerSecond });
    const decoder = new OtapStreamDecoder('logs');
    expect(firstMessages(path, 1000, 100).map((bytes) => decoder.decode(bytes).rowCount)).toEqual([100, 100, 50]);
  });

  test('reads the same through apache-arrow and through our own columns', () => {
    const [theirs, ours] = [arrowReader(), ownReader()];
    const [expected, found] = [fiveColumns(1000), fiveColumns(1000)];
    for (const message of firstMessages(input, items, 1000)) {
      expect(ours.read(message, found)).toBe(theirs.read(message, expected));
      for (const name of ['traceId', 'start', 'duration', 'status', 'attribute'] as const) {
        expect(Buffer.compare(Buffer.from(found[name].buffer), Buffer.from(expected[name].buffer)), name).toBe(0);
      }
    }
    expect([...ours.texts.keys()].sort()).toEqual(['DELETE', 'GET', 'POST', 'PUT']);
  });
});

describe('the measured paths', () => {
  test('replay takes all in and keeps about a tenth', async () => {
    const counts = await replayOnce(replay);
    expect(counts.items).toBe(items);
    expect(counts.windows).toBeGreaterThan(1);
    expect(counts.kept / items).toBeGreaterThan(0.05);
    expect(counts.kept / items).toBeLessThan(0.2);
  });

  test('memory is measured before the first window closes', async () => {
    const held = await heldPerItem({ ...replay, windowMs: 2000 }, itemsPerSecond);
    expect(held.items).toBeGreaterThan(20_000);
    expect(held.retained).toBeGreaterThan(20);
    expect(held.retained).toBeLessThan(500);
    expect(held.tables).toBeGreaterThan(16);
  });

  test('the live path takes all in and hands on what it keeps', async () => {
    const live = await liveOnce({ input, items, batchRows: 1000, policy, validate: 'all', windowMs: 1000, waitMs: 500, itemsPerSecond, otherCore: null });
    expect(live.counts.items).toBe(items);
    expect(live.counts.kept).toBeGreaterThan(0);
    expect(live.exported.batches).toBeGreaterThan(0);
    expect(live.exported.bytes).toBeGreaterThan(live.counts.kept * 10);
    expect(live.cost.cpuMicros).toBeGreaterThan(live.cost.mainMicros);
  });
});

describe('profiles', () => {
  const frame = (name: string, file: string): { functionName: string; scriptId: string; url: string; lineNumber: number; columnNumber: number } =>
    ({ functionName: name, scriptId: '1', url: file === '' ? '' : `file:///x/${file}`, lineNumber: 9, columnNumber: 0 });
  const profile = {
    startTime: 0, endTime: 100,
    nodes: [
      { id: 1, callFrame: frame('(root)', ''), children: [2, 3, 6] },
      { id: 2, callFrame: frame('(idle)', '') },
      { id: 3, callFrame: frame('append', 'src/otap/take/builder.ts'), children: [4] },
      { id: 4, callFrame: frame('decompress', 'src/base/compression/zstd.ts'), children: [5] },
      { id: 5, callFrame: frame('copy', '') },
      { id: 6, callFrame: frame('(garbage collector)', '') },
    ],
    samples: [2, 3, 4, 5, 6, 2], timeDeltas: [0, 40, 10, 20, 20, 10],
  };

  test('give self time by function, with idle time left out and native functions at their caller', () => {
    expect(hottest(stacksOf(profile), 2)).toEqual([
      { place: 'src/base/compression/zstd.ts:10 decompress', self: 20 / 60, total: 40 / 60 },
      { place: 'copy <- src/base/compression/zstd.ts:10 decompress', self: 20 / 60, total: 20 / 60 },
    ]);
  });

  test('give each stack to the phase of its innermost owner', () => {
    const shares = phaseShares(stacksOf(profile));
    expect(shares.get('take')).toBeCloseTo(50 / 60);
    expect(shares.get('garbage')).toBeCloseTo(10 / 60);
    expect(shares.get('decode')).toBe(0);
    expect(phaseOf([{ name: 'read', file: 'src/otap/decode/table.ts', line: 1 }, { name: 'project', file: 'src/store/projector.ts', line: 1 }])).toBe('project');
    expect(phaseOf([{ name: 'main', file: 'elsewhere.ts', line: 1 }])).toBe('other');
  });

  test('are written and read', async () => {
    const path = join(directory, 'p.cpuprofile');
    await profiled(path, () => replayOnce({ ...replay, itemsMax: 5000 }));
    expect(phaseShares(readStacks(path)).get('project')).toBeGreaterThan(0);
  });

  test('median of odd and even numbers of values', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});

describe('a long window', () => {
  test('on the disk: all of it is held, and the same leaves as from memory', { timeout: 30_000 }, async () => {
    const results = [];
    for (const [retain, durability] of [['memory', 'none'], ['disk', 'none'], ['disk', 'async']] as const) {
      const samples: HeldSample[] = [];
      const result = await holdLong({ input, items, itemsPerSecond, lengthMs: 500, waitMs: 1500, memoryLimitBytes: 2 ** 28, retain, durability, directory, onSample: (sample) => samples.push(sample) });
      expect(Math.max(...samples.map(({ held }) => held))).toBeGreaterThan(itemsPerSecond * 1.5);
      expect(result.observer).toMatchObject({ firstError: null, closedBeforeDue: 0, bySignal: { traces: { items, unreadable: 0, policyFailures: 0 } } });
      expect(result.sentItems).toBe(result.observer.bySignal.traces.kept);
      expect(samples.some(({ disk }) => disk > 0)).toBe(retain === 'disk');
      results.push({ kept: result.observer.bySignal.traces.kept, estimate: result.observer.bySignal.traces.estimate });
    }
    expect(results[0].kept).toBeGreaterThan(items / 20);
    expect(results.slice(1)).toEqual([results[0], results[0]]);
  });
});

test('what durability costs has a row for each mode, and what a start costs', { timeout: 60_000 }, async () => {
  const text = await durabilityTable({ input, items: 4000, rounds: 1, batchRows: 1000, underWay: 4, directory });
  for (const mode of ['none', 'async', 'fsync']) expect(text).toMatch(new RegExp(`^\\| ${mode} (\\| \\d+\\.\\d\\d ){8}\\|$`, 'm'));
  expect(Number(/takes \d+ bytes of memory \(retained and tables\), and (\d+) on the disk/.exec(text)?.[1])).toBeGreaterThan(20);
});

test('remembered decisions take at least what their ids and probabilities take', () => {
  expect(decisionCost(10_000, false).bytesPerMillion).toBeGreaterThan(24e6);
});
