import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeepReasons } from '../../../src/pipeline/keep-reasons.ts';
import { decideLogs } from '../../../src/pipeline/log-verdict.ts';
import type { NamedRows } from '../../../src/pipeline/named-rows.ts';
import type { PolicyCounts } from '../../../src/pipeline/policy-counts.ts';
import { RowCeilings } from '../../../src/pipeline/row-ceilings.ts';
import { traceCounts } from '../../../src/pipeline/trace-counts.ts';
import { decideTraces, verdictTables } from '../../../src/pipeline/trace-verdict.ts';
import type { PolicyOutcome } from '../../../src/policy/window-policies.ts';
import { encodeInputProbability } from '../../../src/sampling/input-probability.ts';
import { isKeptAt } from '../../../src/sampling/threshold.ts';
import { Database, type Session } from '../../../src/store/duckdb.ts';
import { type Case, cases, ceilingOf, decided, type Decided, itemCount, one, outcomeOf, words } from './combining-reference.ts';

/**
 * Strategy: random policies of all modes, some failing, name a few items at N and R near each other and at their ends.
 * Invariants: what is kept, at which N and why, and what each policy came to by itself, is what the reference says item by item;
 * for traces in SQL, for log records in typed arrays.
 */

function countsSeen(policies: readonly PolicyCounts[]): Decided['counts'] {
  return policies.map(({ name, named, keptUnits, kept, estimate, marginal, error }) => ({ name, named, keptUnits, kept, estimate, marginal, failed: error !== null }));
}

function near(found: Decided['counts'], expected: Decided['counts']): void {
  const without = (counts: Decided['counts']): unknown => counts.map(({ estimate, ...rest }) => rest);
  expect(without(found)).toEqual(without(expected));
  found.forEach(({ estimate }, at) => expect(estimate / (expected[at].estimate || 1)).toBeCloseTo(expected[at].estimate === 0 ? 0 : 1, 9));
}

const logKey = (given: Case) => (item: number): readonly number[] => [item, encodeInputProbability(given.items[item].nIn), ...words(given.items[item].r)];

function namedOf(given: Case, { policy, picks }: PolicyOutcome): NamedRows {
  const key = logKey(given);
  if (picks === null) {
    const items = policy.mode === 'enforce' ? given.items.flatMap((_, item) => (ceilingOf(given, item) > 0n ? [item] : [])) : [];
    return { count: items.length, keys: Uint32Array.from(items.flatMap(key)), n: Uint32Array.from(items.flatMap(() => words(given.fallback))), split: null };
  }
  return { count: picks.count, keys: new Uint32Array(picks.keyBytes.buffer), n: new Uint32Array(picks.n.buffer), split: picks.split };
}

test('log records', () => {
  fc.assert(fc.property(cases(true), (all) => {
    const given = { ...all, items: all.items.map((item) => ({ ...item, spans: 1 })) };
    const outcomes = given.policies.map((policy) => outcomeOf(policy, true, 'id', logKey(given)));
    const named = outcomes.map((outcome) => namedOf(given, outcome));
    const ceilings = given.policies.some(({ mode }) => mode === 'drop') ? new RowCeilings(itemCount) : null;
    outcomes.forEach(({ policy, picks }, place) => { if (policy.mode === 'drop' && picks !== null) ceilings?.lower(named[place]); });
    const facts = {
      rowCount: itemCount, unknown: null, ceilings: ceilings?.n ?? null,
      isHashWithin: (item: number, _rLow: number, _rHigh: number, nLow: number, nHigh: number) => isKeptAt(...words(given.items[item].hash), nLow, nHigh),
    };
    const reasons = new KeepReasons();
    const { kept, policies } = decideLogs({ outcomes, named, ceilings, facts, itemBytes: 10 }, { combine: given.combine, reasons });
    const at = (column: Uint32Array | null, index: number): bigint => (column === null ? 0n : BigInt(column[index * 2]) | (BigInt(column[index * 2 + 1]) << 32n));
    const expected = decided(given);
    expect(Array.from(kept.wseq, (item, index) => ({ item, n: at(kept.n, index), split: at(kept.nSplit, index), why: reasons.text(kept.reasons?.[index] ?? 0) }))).toEqual(expected.kept);
    near(countsSeen(policies), expected.counts);
    policies.forEach(({ kept: items, bytes }) => expect(bytes).toBe(items * 10));
  }), { numRuns: 1000 });
});

let database: Database;
let engine: Session;
beforeAll(async () => {
  database = await Database.open({ memoryLimitBytes: 2 ** 28, threads: 1 });
  engine = await database.connect();
});
afterAll(() => {
  engine.close();
  database.close();
});

/** The words of trace number `item`, its top bit flipped as DuckDB keeps it. */
const traceKey = (item: number): readonly number[] => [item, 0, 0, 0x80000000];

async function tracesTable(given: Case): Promise<void> {
  const rows = given.items.map(({ r, nIn, spans }, item) => `('00000000-0000-0000-0000-00000000000${item}'::UUID, ${r}::UBIGINT, ${nIn}::UBIGINT, ${spans}::BIGINT)`);
  await engine.run(`CREATE OR REPLACE TABLE w_traces AS SELECT * FROM (VALUES ${rows.join(', ')}) t(trace_id, r, n_in, evidence_rows)`);
}

test('traces', async () => {
  await fc.assert(fc.asyncProperty(fc.boolean().chain((hasSplits) => fc.tuple(cases(hasSplits), fc.constant(hasSplits))), fc.boolean(), async ([all, hasSplits], hasReasons) => {
    for (const suffix of [...verdictTables, 'decided']) await engine.run(`DROP TABLE IF EXISTS w_${suffix}`);
    await tracesTable(all);
    const outcomes = new Map(all.policies.map((policy): [string, PolicyOutcome] => [policy.name, outcomeOf(policy, hasSplits, 'trace_id', traceKey)]));
    // A trace is one unit, so that what is named for a hash of its own goes by the trace's R as all else.
    const given = { ...all, policies: all.policies.map((policy) => ({ ...policy, said: policy.said.map((said) => ({ ...said, split: false })) })) };
    const run = ({ name }: { readonly name: string }): Promise<PolicyOutcome> => {
      const outcome = outcomes.get(name);
      return outcome === undefined ? Promise.reject(new Error(`no policy ${name}`)) : Promise.resolve(outcome);
    };
    const reasons = hasReasons ? new KeepReasons() : null;
    const window = { signal: 'traces', slots: [] } as const;
    const found = await decideTraces(
      { engine, runner: { run }, fallback: { n: given.fallback }, combining: { combine: given.combine, reasons } }, 'w', window, [...outcomes.values()].map(({ policy }) => policy));
    const expected = decided(given);
    const code = hasReasons ? 'k.code' : '0';
    const kept = (await engine.api.runAndReadAll(`SELECT right(k.trace_id::VARCHAR, 1), k.n::VARCHAR, ${code}::INTEGER FROM w_kept k ORDER BY 1`)).getRows();
    expect(kept.map(([item, n, why]) => ({ item: Number(item), n: BigInt(String(n)), why: reasons?.text(Number(why)) ?? null }))).toEqual(expected.kept.map(({ item, n, why }) => (
      { item, n: n < given.items[item].nIn ? n : given.items[item].nIn, why: hasReasons ? why : null })));
    const decisions = (await engine.api.runAndReadAll('SELECT count(*)::INTEGER, count(*) FILTER (n > 0)::INTEGER FROM w_decided')).getRows();
    expect(decisions).toEqual([[itemCount, expected.kept.length]]);
    near(countsSeen(await traceCounts(engine, 'w', window, found)), expected.counts);
  }), { numRuns: 120 });
});

test('the reference tells the combinations apart', () => {
  const item = { r: one - 2n ** 54n, nIn: one, hash: 0n, spans: 1 };
  const policy = (name: string, mode: 'enforce' | 'drop', n: bigint) => ({ name, mode, failed: false, said: [{ item: 0, n, split: false }] });
  const given: Case = { items: [item], policies: [policy('p0', 'enforce', 2n ** 53n), policy('p1', 'enforce', one)], combine: 'union', fallback: one };
  expect(decided(given).kept).toEqual([{ item: 0, n: one, split: 0n, why: 'p1' }]);
  expect(decided({ ...given, combine: 'first_match' }).kept).toEqual([]);
  expect(decided({ ...given, policies: [...given.policies, policy('p2', 'drop', 2n ** 55n)] }).kept).toEqual([{ item: 0, n: 2n ** 55n, split: 0n, why: 'p1' }]);
  expect(decided({ ...given, policies: [...given.policies, policy('p2', 'drop', 2n ** 53n)] }).kept).toEqual([]);
});
