import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { Session } from '../store/duckdb.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { isSingle } from './combining.ts';
import type { PolicyCounts } from './policy-counts.ts';
import { type KeptCounts, meanItemBytes, noneKept, policyCounts } from './policy-counts-of.ts';

/** Counts of each policy over a window of traces that `decideTraces` has decided. */
export async function traceCounts(engine: Session, name: string, window: Window, outcomes: readonly PolicyOutcome[]): Promise<readonly PolicyCounts[]> {
  if (outcomes.length === 0) return [];
  const isAlone = isSingle(outcomes.map(({ policy }) => policy));
  const counts = isAlone ? await countsAlone(engine, name, window, outcomes[0]) : await countsTogether(engine, name, window);
  const itemBytes = meanItemBytes(window.slots.flatMap(({ slot }) => slot.runs));
  return outcomes.map((outcome, place) => policyCounts(outcome, counts.get(place) ?? noneKept, itemBytes));
}

/**
 * SELECT of trace_id, n_in, is_unknown and how many spans: one row a trace, or more where spans came sampled. Spans leave with the smaller
 * of their own p and the trace's, and one of unknown probability counts one.
 */
function spansSql(name: string, window: Window): string {
  const isSampled = window.slots.some(({ slot }) => slot.isSampled);
  if (!isSampled) return `SELECT trace_id, ${nOne}::UBIGINT AS n_in, false AS is_unknown, evidence_rows AS spans FROM ${name}_traces`;
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: true });
  return `SELECT trace_id, n_in, is_unknown, count(*) AS spans FROM (${rows}) GROUP BY ALL`;
}

const kept = (n: string): string =>
  `sum(s.spans)::DOUBLE, sum(s.spans * CASE WHEN s.is_unknown THEN 1 ELSE ${nOne}.0::DOUBLE / least(${n}, s.n_in) END)::DOUBLE`;

async function countsAlone(engine: Session, name: string, window: Window, outcome: PolicyOutcome): Promise<ReadonlyMap<number, KeptCounts>> {
  const [row] = await numbers(engine, `
    SELECT count(DISTINCT k.trace_id)::DOUBLE, ${kept('k.n')} FROM ${name}_kept k JOIN (${spansSql(name, window)}) s ON s.trace_id = k.trace_id`);
  const named = await namedAlone(engine, name, outcome);
  return new Map([[0, { named, keptUnits: row[0], kept: row[1], estimate: row[2], marginal: row[1] }]]);
}

/** Most policies name each trace once. */
async function namedAlone(engine: Session, name: string, { policy, picks }: PolicyOutcome): Promise<number> {
  if (picks !== null && policy.keyKind === 'trace_id' && !policy.hasSplit) return picks.count;
  return (await engine.run(`SELECT count(DISTINCT k) FROM ${name}_picks`)).integer();
}

async function countsTogether(engine: Session, name: string, window: Window): Promise<ReadonlyMap<number, KeptCounts>> {
  const named = await numbers(engine, `SELECT p::DOUBLE, count(*)::DOUBLE, count(*) FILTER (kept)::DOUBLE FROM ${name}_own GROUP BY p`);
  const items = await numbers(engine, `
    WITH keepers AS (SELECT trace_id, count(*) AS keepers FROM ${name}_own WHERE kept AND counts GROUP BY trace_id)
    SELECT o.p::DOUBLE, ${kept('o.n')},
           coalesce(sum(s.spans) FILTER (coalesce(k.keepers, 0) = CASE WHEN o.counts THEN 1 ELSE 0 END AND NOT o.limits), 0)::DOUBLE
    FROM ${name}_own o JOIN (${spansSql(name, window)}) s ON s.trace_id = o.trace_id LEFT JOIN keepers k ON k.trace_id = o.trace_id
    WHERE o.kept GROUP BY o.p`);
  const byPlace = new Map(items.map(([place, ...rest]) => [place, rest]));
  return new Map(named.map(([place, units, keptUnits]) => {
    const [spans = 0, estimate = 0, marginal = 0] = byPlace.get(place) ?? [];
    return [place, { named: units, keptUnits, kept: spans, estimate, marginal }];
  }));
}

async function numbers(engine: Session, sql: string): Promise<number[][]> {
  return (await engine.api.runAndReadAll(sql)).getRows().map((row) => row.map(Number));
}
