import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import { firstMatches } from '../../src/pipeline/row-ceilings.ts';
import { type Estimated, estimated, isUnbiased, keptOnly, loadRows, namedBy, printed, rule, type SimRows } from './combining-windows.ts';
import { bottomK, chance, makeArrived, makeOriginals, openEngine, weighted } from './sampling-windows.ts';

/**
 * Scenario: 10,000 windows under many policies at once, decided and stamped by the code that decides windows of log records (the same rules
 * as those of traces in SQL, which test/property holds them to): unions of two samples and a rule, ceilings, first_match, a policy
 * that fails; input unsampled and sampled before by threshold; units of one, and of up to 80 records that share their R.
 * Guarantees: mean estimates of count and sum within four standard errors of the truth of what is not dropped, and these narrow enough to
 * show a bias of 2.5 % (with large units of 7 %); each policy's own estimate likewise. Each tempting variant fails.
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
});
afterAll(() => connection.closeSync());

const whole = 2 ** 56;
const allOf = (): boolean => true;

function expectUnbiased(name: string, found: Estimated, biasSeen = 0.025): void {
  console.log(printed(name, found));
  expect(isUnbiased(found)).toBe(true);
  expect(Math.max(found.count.resolution, found.sum.resolution)).toBeLessThan(biasSeen);
}

describe.each(['unsampled', 'threshold'] as const)('units of one, input %s', (kind) => {
  let rows: SimRows;
  beforeAll(async () => {
    await makeOriginals(connection, { seed: `many-${kind}`, kind, unitsPerWindow: 20, unitSize: '1' });
    await makeArrived(connection, `many-${kind}`);
    rows = await loadRows(connection);
  });

  test('a union of two samples and a rule', async () => {
    const policies = [await namedBy(connection, rows, weighted(6)), await namedBy(connection, rows, bottomK(5)), rule(rows, (value) => (value > 15 ? 0.3 : null))];
    const found = estimated(rows, policies, {}, allOf);
    expectUnbiased(`union, ${kind}`, found);
    for (const own of found.own.slice(0, 2)) expect(Math.abs(own - 1)).toBeLessThan(0.02);
    const wrong = estimated(rows, policies, { countAs: 'independent' }, allOf);
    console.log(printed('control: counts as of independent choices', wrong));
    expect(isUnbiased(wrong)).toBe(false);
  });

  test('ceilings: what is dropped uses no budget, what is capped counts for more', async () => {
    const limits = rule(rows, (value) => (value < 2 ? 0 : value < 6 ? 0.3 : null));
    const visible = `SELECT * FROM arrived WHERE value >= 2`;
    const named = (sql: string): Promise<ReturnType<typeof rule>> => namedBy(connection, rows, sql.replaceAll('FROM arrived', `FROM (${visible})`));
    const policies = [await named(weighted(6)), await named(bottomK(5)), rule(rows, (value) => (value >= 2 ? 0.25 : null))];
    const isVisible = (value: number): boolean => value >= 2;
    expectUnbiased(`ceilings, ${kind}`, estimated(rows, policies, { drops: [limits] }, isVisible));
    const uncapped = estimated(rows, policies, { drops: [limits], countAs: 'uncapped' }, isVisible);
    console.log(printed('control: a ceiling that the counts do not know', uncapped));
    expect(isUnbiased(uncapped)).toBe(false);
  });

  test('first_match, with one that fails', async () => {
    const policies = [rule(rows, (value) => (value > 10 ? 0.5 : null)), rule(rows, (value) => (value < 3 ? 0.1 : null)), rule(rows, () => 0.2)];
    expectUnbiased(`first_match, ${kind}`, estimated(rows, policies, { combine: 'first_match' }, allOf));
    expectUnbiased(`first_match, the second fails, ${kind}`, estimated(rows, policies, { combine: 'first_match', failing: 1, fallback: whole / 8 }, allOf));
  });
});

describe('controls on everything that came', () => {
  let rows: SimRows;
  beforeAll(async () => {
    await makeOriginals(connection, { seed: 'many-controls', kind: 'unsampled', unitsPerWindow: 20, unitSize: '1' });
    await makeArrived(connection, 'many-controls');
    rows = await loadRows(connection);
  });

  test('first_match by what is kept gives 1.80', () => {
    const policies = [rule(rows, () => 0.2), rule(rows, () => 1)];
    expectUnbiased('control: first_match by named', estimated(rows, policies, { combine: 'first_match' }, allOf));
    const [, rest] = firstMatches([keptOnly(rows, policies[0]), policies[1]], rows.count);
    const wrong = estimated(rows, [policies[0], rest], {}, allOf);
    console.log(printed('control: first_match by kept', wrong));
    expect(wrong.count.ratio).toBeCloseTo(1.8, 2);
    expect(isUnbiased(wrong)).toBe(false);
  });

  test('a veto drawn on the same chance gives 0.60', () => {
    const all = rule(rows, () => 1);
    const veto = rule(rows, (_value, n) => (n > 0.6 * whole ? 0 : null));
    const wrong = estimated(rows, [all], { drops: [veto] }, allOf);
    console.log(printed('control: a veto on the same chance', wrong));
    expect(wrong.count.ratio).toBeCloseTo(0.6, 2);
    expect(isUnbiased(wrong)).toBe(false);
  });
});

describe('records that share their R, some in units larger than the sample', () => {
  let rows: SimRows;
  beforeAll(async () => {
    await makeOriginals(connection, { seed: 'many-logs', kind: 'unsampled', unitsPerWindow: 6, unitSize: `ceil(exp(ln(80) * pow(${chance('size', 'logs', 'w * 1000 + u')}, 4)))::INTEGER` });
    await makeArrived(connection, 'many-logs');
    rows = await loadRows(connection);
  });

  test('splits under ceilings, beside a rule', async () => {
    const policies = [await namedBy(connection, rows, bottomK(20)), rule(rows, (value) => (value > 12 ? 0.2 : null))];
    expectUnbiased('splits', estimated(rows, policies, {}, allOf), 0.07);
    const limits = rule(rows, (value) => (value < 8 ? 0.5 : value < 10 ? 0.05 : null));
    const found = estimated(rows, policies, { drops: [limits] }, allOf);
    expectUnbiased('splits under ceilings', found, 0.07);
    expect(Math.abs(found.own[0] - 1)).toBeLessThan(0.03);
    expect(found.hasSplits).toBe(true);
    const wrong = estimated(rows, policies, { drops: [limits], countAs: 'ceilings of splits ignored' }, allOf);
    console.log(printed('control: splits that do not count their ceiling', wrong));
    expect(isUnbiased(wrong)).toBe(false);
  });
});
