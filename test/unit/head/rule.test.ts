import { afterAll, describe, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import { compileRule, isRule } from '../../../src/head/compile-rule.ts';
import type { RateRow, RateSettings } from '../../../src/head/rate-row.ts';
import { HeadRule } from '../../../src/head/rule.ts';
import { defaultRuleText } from '../../sim/head-model.ts';

const row: RateRow = { service: 'shop', operation: null, rate: 1, windows: 6, probability: 0.01, arrivalsPerSecond: 1000, budgetPerSecond: 10, isCensored: false, cameProbability: 1 };
const settings: RateSettings = { defaultRate: 1, floor: 0.001, floorTracesPerSecond: 1, margin: 2, headMinimum: 0, stress: 1 };

const opened: HeadRule[] = [];
async function open(text: string): Promise<HeadRule> {
  const rule = await HeadRule.open(await compileRule('own', text, realSeam()), realSeam());
  opened.push(rule);
  return rule;
}
afterAll(() => opened.forEach((rule) => rule.close()));

async function wanted(over: Partial<RateRow>, own: Partial<RateSettings> = {}): Promise<number> {
  const rule = opened[0] ?? await open(defaultRuleText);
  const [found] = await rule.rates([{ ...row, ...over }], { ...settings, ...own });
  return found.rate;
}

describe('sql/head/default.sql (sampling.md, rules 21 and 22)', () => {
  test.each<readonly [string, Partial<RateRow>, Partial<RateSettings>, number]>([
    ['margin times the greatest p', {}, {}, 0.02],
    ['never above 1', { probability: 0.7 }, {}, 1],
    ['the floor', { probability: 0.00001, arrivalsPerSecond: 1e6 }, {}, 0.001],
    ['a floor in traces a second for what is rare', { probability: 0.001, arrivalsPerSecond: 4 }, {}, 0.25],
    ['all of what is rarer than that', { probability: 0.001, arrivalsPerSecond: 0.1 }, {}, 1],
    ['nothing came: hold', { windows: 0, probability: null, arrivalsPerSecond: null, budgetPerSecond: null, rate: 0.3 }, {}, 0.3],
    ['nothing came, but a minimum is declared', { windows: 0, probability: null, rate: 0.01 }, { headMinimum: 0.05 }, 0.05],
    ['a minimum of policies that keep with p = 1', {}, { headMinimum: 0.05 }, 0.05],
    ['stress asks for less', {}, { stress: 0.5 }, 0.01],
    ['stress asks for no less than a minimum', {}, { stress: 0.01, headMinimum: 0.015 }, 0.015],
    ['all that came is kept: by arrivals', { rate: 0.02, cameProbability: 0.02, probability: 0.02, isCensored: true, arrivalsPerSecond: 100 }, {}, 0.2],
    ['the same where nothing was kept before', { rate: 0.02, cameProbability: 0.02, probability: 0.02, isCensored: true, budgetPerSecond: null }, {}, 0.04],
  ])('%s', async (_, over, own, expected) => {
    expect(await wanted(over, own)).toBeCloseTo(expected, 12);
  });
});

test('runs for ever: the rows of before are given back', async () => {
  const rule = await open("SELECT service, operation, rate FROM head_statistics WHERE service = ''");
  const rows = Array.from({ length: 100 }, (_, index): RateRow => ({ ...row, service: `${index}`.padEnd(100_000, 'x') }));
  for (let run = 0; run < 20; run++) expect(await rule.rates(rows, settings)).toEqual([]);
});

describe('a rule of one\'s own', () => {
  test('is known by its view, wherever comments mention it', () => {
    expect(isRule('SELECT 1 AS rate FROM HEAD_statistics')).toBe(true);
    expect(isRule('-- not head_statistics\nSELECT trace_id FROM traces /* head_statistics */')).toBe(false);
  });

  test('needs no reason, may give whole numbers, and NULL for a rate that stays', async () => {
    const rule = await open("SELECT service, operation, CASE WHEN service = 'b' THEN NULL ELSE 1 END AS rate FROM head_statistics");
    expect(await rule.rates([row, { ...row, service: 'b' }], settings)).toEqual([{ service: 'shop', operation: null, rate: 1, reason: '' }]);
  });

  test.each([
    ['SELECT service, rate FROM head_statistics', /no column operation/],
    ['SELECT service, operation FROM head_statistics', /no column rate/],
    ["SELECT service, operation, 'x' AS rate FROM head_statistics", /rate is VARCHAR/],
    ['SELECT service, operation, random() AS rate FROM head_statistics', /random\(\)/],
    ['SELECT service, operation, epoch(now()) AS rate FROM head_statistics', /now\(\)/],
    ["SELECT service, operation, 1 AS rate FROM head_statistics, read_csv('x')", /read_csv/],
    ['SELECT service, operation, 1 AS rate FROM traces', /no view traces/],
    ['SELECT service, operation, probabilty AS rate FROM head_statistics', /no column probabilty.*probability/],
    ['DELETE FROM head_statistics', /one SELECT/],
  ])('%s', async (text, message) => {
    await expect(compileRule('own', text, realSeam())).rejects.toThrow(message);
  });

  test('that gives no rate fails, and runs again on the next rows', async () => {
    const rule = await open('SELECT service, operation, probability * 10 AS rate FROM head_statistics');
    await expect(rule.rates([{ ...row, probability: 0.5 }], settings)).rejects.toThrow(/rate 5/);
    expect(await rule.rates([row], settings)).toMatchObject([{ rate: 0.1 }]);
    const double = await open('SELECT service, operation, 1 AS rate FROM head_statistics CROSS JOIN range(5)');
    await expect(double.rates([row], settings)).rejects.toThrow(/more rows/);
  });

  test('takes names as they are', async () => {
    const rule = await open('SELECT service, operation, 1 AS rate FROM head_statistics');
    const service = 'it\'s "$1" \\ \n\u0001 \ud83d\ude00';
    expect(await rule.rates([{ ...row, service, operation: '' }], settings)).toEqual([{ service, operation: '', rate: 1, reason: '' }]);
  });
});
