import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { HeadController, type HeadSettings, type HeadUpdate } from '../../../src/head/controller.ts';
import { limitRate } from '../../../src/head/limit-rate.ts';
import type { RateRow, RateSettings } from '../../../src/head/rate-row.ts';
import { StateFile } from '../../../src/head/state-file.ts';
import type { HeadKeyCounts } from '../../../src/pipeline/head-counts.ts';
import { mulberry } from '../../support/mulberry.ts';
import { Draws, headSettings } from '../../sim/head-model.ts';

const second = 1_000_000_000n;

function counts(service: string, over: Partial<HeadKeyCounts> = {}): HeadKeyCounts {
  return { service, operation: null, traces: 100, arrivals: 100, pIn: 1, p: 0.1, unknown: 0, items: 100, itemsKept: 10, bytes: 1000, bytesKept: 100, ...over };
}

/** A controller whose rule is a function of a row. */
class Loop {
  readonly clock = { nowNano: 0n };
  servedSinceNano: bigint | null = 0n;
  readonly updates: HeadUpdate[] = [];
  readonly failures: unknown[] = [];
  readonly rows: (readonly RateRow[])[] = [];
  readonly settings: RateSettings[] = [];
  readonly controller: HeadController;

  constructor(rate: (row: RateRow) => number, settings: Partial<HeadSettings> = {}) {
    this.controller = new HeadController({
      seam: { nowUnixNano: () => this.clock.nowNano }, servedSinceNano: () => this.servedSinceNano, settings: { ...headSettings, ...settings }, stress: () => 1, onUpdate: (update) => this.updates.push(update), onFailed: (error) => this.failures.push(error),
      rule: {
        rates: async (rows, own) => {
          this.rows.push(rows);
          this.settings.push(own);
          return rows.map((row) => ({ service: row.service, operation: row.operation, rate: rate(row), reason: 'test' }));
        },
      },
    });
  }

  async window(keys: readonly HeadKeyCounts[], minimum = 0): Promise<void> {
    this.clock.nowNano += 10n * second;
    this.controller.window({ seconds: 10, endNano: this.clock.nowNano, minimum, keys });
    await this.controller.settled();
  }

  lastRow(service: string, operation: string | null = null): RateRow | undefined {
    return this.rows.at(-1)?.find((row) => row.service === service && row.operation === operation);
  }
}

describe('limits of change', () => {
  const limits = { changeMax: 4, hysteresis: 0.1 };
  test.each([[1, 0.001, 0.25], [0.001, 1, 0.004], [0.1, 0.109, 0.1], [0.1, 0.091, 0.1], [0.1, 0.112, 0.112], [0.1, 0.08, 0.08], [0.95, 1, 1], [0, 0.3, 0.3], [0.5, NaN, 0.5], [0.5, 7, 1]])(
    'from %d, wanted %d: %d', (served, wanted, expected) => expect(limitRate(served, wanted, limits)).toBeCloseTo(expected, 10));

  test('four digits, rounded up', () => {
    const rate = limitRate(0.5, 0.123412341234, limits);
    expect(rate).toBe(0.125);
    expect(limitRate(0.1, 0.123412341234, limits)).toBe(0.1235);
  });
});

describe('the controller', () => {
  test('goes by steps to what the rule wants, and tells only what changed', async () => {
    const loop = new Loop(() => 0.01);
    const rates: number[] = [];
    for (let window = 0; window < 6; window++) {
      await loop.window([counts('a')]);
      rates.push(loop.controller.strategy('a').rate);
    }
    expect(rates).toEqual([0.25, 0.0625, 0.01563, 0.01, 0.01, 0.01]);
    expect(loop.updates.map(({ strategies }) => strategies.length)).toEqual([1, 1, 1, 1, 0, 0]);
    expect(loop.controller.strategy('b')).toMatchObject({ rate: 1, operations: [] });
  });

  test('nothing arrived: what was known goes on, and is not made up', async () => {
    const loop = new Loop((row) => (row.windows === 0 ? row.rate : 0.5));
    await loop.window([counts('a')]);
    for (let window = 0; window < 10; window++) await loop.window([]);
    expect(loop.lastRow('a')).toMatchObject({ windows: 0, probability: null, rate: 0.5 });
    expect(loop.lastRow('a')?.arrivalsPerSecond).toBeCloseTo(10.1, 10);
  });

  test('the greatest p of the lookback counts, not the last, nor the mean', async () => {
    const loop = new Loop(() => 1);
    for (const p of [0.1, 0.4, 0.2]) await loop.window([counts('a', { p })]);
    expect(loop.lastRow('a')?.probability).toBe(0.4);
    for (let window = 0; window < 6; window++) await loop.window([counts('a', { p: 0.2 })]);
    expect(loop.lastRow('a')?.probability).toBe(0.2);
  });

  test('arrivals are (n + 1) / p in logarithms: unbiased where 1 / n is 24 times too high, at two traces a window (rule 22)', async () => {
    const draws = new Draws(mulberry(7));
    const [p, mean, windows] = [0.02, 2, 4000];
    let [logs, wrong, count] = [0, 0, 0];
    for (let window = 0; window < windows; window++) {
      const n = draws.poisson(mean);
      wrong += 1 / Math.max(n, 1e-2);
      if (n === 0) continue;
      const loop = new Loop(() => 1);
      await loop.window([counts('a', { traces: n, arrivals: n / p, pIn: p, p })]);
      logs += Math.log((loop.lastRow('a')?.arrivalsPerSecond ?? 0) * 10 * p / mean);
      count++;
    }
    expect(Math.exp(logs / count)).toBeGreaterThan(0.8);
    expect(Math.exp(logs / count)).toBeLessThan(1.7);
    expect(wrong / windows).toBeGreaterThan(5 / mean);
  });

  test('traces of unknown probability are no arrivals, and where they are the most nothing is learnt', async () => {
    const loop = new Loop(() => 1);
    await loop.window([counts('a', { traces: 50, arrivals: 50, unknown: 50 })]);
    expect(loop.lastRow('a')?.arrivalsPerSecond).toBeCloseTo(10.2, 10);
    await loop.window([counts('a', { traces: 1, arrivals: 1, unknown: 99, p: 1 })]);
    expect(loop.lastRow('a')).toMatchObject({ probability: 0.1, windows: 1 });
  });

  test('names are bounded in number: what is small goes before what is large', async () => {
    const loop = new Loop(() => 0.5, { servicesMax: 10 });
    const flood = Array.from({ length: 50 }, (_, i) => counts(`s${i}`, { arrivals: 1000 - i, traces: 1000 - i }));
    const operations = Array.from({ length: 400 }, (_, i) => counts('s0', { operation: `op${i}`, traces: 400 - i, arrivals: 400 - i }));
    await loop.window([...flood, ...operations]);
    expect(loop.rows.at(-1)?.filter(({ operation }) => operation === null).map(({ service }) => service).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `s${i}`));
    const known = loop.rows.at(-1)?.filter(({ operation }) => operation !== null) ?? [];
    expect(known.length).toBe(256);
    expect(known.some(({ operation }) => operation === 'op0')).toBe(true);
    await loop.window([counts('new', { arrivals: 5000, traces: 5000 })]);
    expect(loop.updates.at(-1)?.removed.length).toBe(1);
    expect(loop.controller.snapshot().strategies.length).toBe(10);
  });

  test('an operation with clearly less than its service is told; its traces\' rate is not known then, that of others two polls after the last change', async () => {
    const loop = new Loop(({ operation }) => (operation === 'health' ? 0.01 : operation === 'pay' ? 0.45 : 0.5), { changeMax: 1e6 });
    await loop.window([counts('a'), counts('a', { operation: 'health' }), counts('a', { operation: 'pay' })]);
    expect(loop.controller.strategy('a').operations).toEqual([{ operation: 'health', rate: 0.01 }]);
    await loop.window([counts('b')]);
    expect(loop.controller.stable()).toEqual({
      otherwise: { rate: 1, sinceNano: 120n * second }, services: [{ service: 'a', rate: null }, { service: 'b', rate: { rate: 0.5, sinceNano: loop.clock.nowNano + 120n * second } }] });
  });

  test('a service that was forgotten and comes again is told the default from then on, and not since the start (rule 23)', async () => {
    let rate = 0.5;
    const loop = new Loop(() => rate, { servicesMax: 1 });
    await loop.window([counts('a')]);
    rate = 1;
    await loop.window([counts('b')]);
    const forgotNano = loop.clock.nowNano;
    await loop.window([counts('a')]);
    expect(loop.controller.stable().services).toEqual([{ service: 'a', rate: { rate: 1, sinceNano: forgotNano + 120n * second } }]);
  });

  test('rates are known from two polls after answers are to be had again, and while they are not nothing new is (rule 23)', async () => {
    const loop = new Loop(() => 0.5);
    await loop.window([counts('a')]);
    const sinceNano = (): readonly bigint[] => {
      const { otherwise, services } = loop.controller.stable();
      return [otherwise, ...services.map(({ rate }) => rate)].map((rate) => rate?.sinceNano ?? 0n);
    };
    loop.clock.nowNano = 1000n * second;
    expect(sinceNano()).toEqual([120n * second, 130n * second]);
    loop.servedSinceNano = null;
    expect(sinceNano()).toEqual([1120n * second, 1120n * second]);
    loop.servedSinceNano = 1005n * second;
    expect(sinceNano()).toEqual([1125n * second, 1125n * second]);
  });

  test('a rule that fails leaves the rates as they are', async () => {
    let fails = false;
    const loop = new Loop(() => {
      if (fails) throw new Error('no');
      return 0.5;
    });
    await loop.window([counts('a')]);
    fails = true;
    await loop.window([counts('a')]);
    expect([loop.controller.strategy('a').rate, loop.failures.length]).toEqual([0.5, 1]);
  });

  test('windows that come while the rule runs are worked in together, and the minimum of policies goes to the rule', async () => {
    const loop = new Loop(() => 0.5);
    for (let i = 0; i < 5; i++) loop.controller.window({ seconds: 10, endNano: BigInt(i) * second, minimum: 0.05, keys: [counts('a')] });
    await loop.controller.settled();
    expect(loop.rows.length).toBeLessThanOrEqual(2);
    expect(loop.settings[0].headMinimum).toBe(0.05);
  });
});

describe('what outlives the process', () => {
  const directory = mkdtempSync(join(tmpdir(), 'head-state-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('rates, arrivals and reasons, as they were', async () => {
    const loop = new Loop(({ operation }) => (operation === null ? 0.3 : 0.1), { changeMax: 1e6 });
    await loop.window([counts('shop'), counts('shop', { operation: 'GET /a' })]);
    const file = new StateFile(join(directory, 'deeper', 'state.json'));
    expect(await file.read()).toBeNull();
    await Promise.all([file.write(loop.controller.state()), file.write(loop.controller.state())]);
    const state = await file.read();
    const later = new Loop((row) => row.rate);
    if (state !== null) later.controller.restore(state);
    expect(later.controller.strategy('shop')).toMatchObject({ rate: 0.3, operations: [{ operation: 'GET /a', rate: 0.1 }] });
    await later.window([counts('other')]);
    expect(later.lastRow('shop')).toMatchObject({ rate: 0.3, windows: 0 });
    expect(later.lastRow('shop')?.arrivalsPerSecond).toBeCloseTo(10.1, 10);
  });

  test.each(['', '{}', '{"version":2,"services":[]}', '{"version":1,"services":[{"whole":["a",2,"",  "0",null,null],"operations":[]}]}', '[1', 'null'])('what is none is refused: %s', async (text) => {
    const path = join(directory, 'broken.json');
    writeFileSync(path, text);
    await expect(new StateFile(path).read()).rejects.toThrow();
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
