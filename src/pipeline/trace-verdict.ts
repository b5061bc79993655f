import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { PolicyOutcome, PolicyRunner } from '../policy/window-policies.ts';
import type { Session } from '../store/duckdb.ts';
import { nOne } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { type Combining, isSingle, placesOf, runByMode } from './combining.ts';
import { type KeepReasons, noReason, reasonOf } from './keep-reasons.ts';
import { limitTraces, type TraceSight } from './trace-ceilings.ts';
import { type PlacedOutcome, writeTracePicks } from './trace-picks.ts';
import type { Fallback } from './window-decision.ts';

/** Tables of a verdict that nothing needs once it was read, by the ends of their names. `_kept` and `_decided` are its result. */
export const verdictTables = ['limits', 'ceilings', 'picks', 'picks_spans', 'own', 'kept'] as const;

/** What a verdict is made with. */
export interface VerdictParts {
  readonly engine: Session;
  readonly runner: Pick<PolicyRunner, 'run'>;
  readonly fallback: Fallback;
  readonly combining: Combining;
}

/**
 * Runs the policies of a window of traces and writes what became of them: `NAME_kept` (trace_id, n) of kept traces with N = 2^56 - T of their
 * threshold, `NAME_decided` (trace_id, n) of all, n 0 where dropped; both with `code` of the reasons where these are asked for. Where
 * policies have to be combined, `NAME_own` has what each came to by itself. `NAME_traces` must be there.
 */
export async function decideTraces(parts: VerdictParts, name: string, window: Window, policies: readonly CompiledPolicy[]): Promise<readonly PolicyOutcome[]> {
  const { engine, runner, fallback, combining } = parts;
  const whole: TraceSight = { window, traces: `${name}_traces` };
  const { outcomes, visible } = await runByMode(
    policies, whole, (policy, sight) => runner.run(policy, sight.window, sight.traces), (drops) => limitTraces(engine, name, whole, drops));
  const named = outcomes.flatMap((outcome, place) => (
    outcome.policy.mode === 'drop' || (outcome.policy.mode === 'shadow' && outcome.picks === null) ? [] : [{ place, outcome }]));
  await writeTracePicks(engine, `${name}_picks`, window, named, { n: fallback.n, table: visible.traces });
  const isAlone = isSingle(policies);
  const picks = picksSql(name, named);
  if (!isAlone) await engine.run(ownSql(name, picks, policies, combining));
  await engine.run(`CREATE TABLE ${name}_kept AS ${isAlone ? aloneSql(name, picks, outcomes[0], combining) : await togetherSql(engine, name, outcomes, combining)}`);
  const code = combining.reasons === null ? '' : `, coalesce(k.code, ${noReason}::UINTEGER) AS code`;
  await engine.run(`
    CREATE TABLE ${name}_decided AS
    SELECT t.trace_id AS trace_id, coalesce(k.n, 0::UBIGINT) AS n${code}
    FROM ${name}_traces t LEFT JOIN ${name}_kept k ON k.trace_id = t.trace_id`);
  return outcomes;
}

/** SELECT of k, p, n: what was named, each trace once for each policy. A policy that names traces names each once, but for samples whose rows may be split. */
function picksSql(name: string, named: readonly PlacedOutcome[]): string {
  const isOnce = named.every(({ outcome }) => outcome.picks === null || (outcome.policy.keyKind === 'trace_id' && !outcome.policy.hasSplit));
  return isOnce ? `SELECT k, p, n FROM ${name}_picks` : `SELECT k, p, max(n) AS n FROM ${name}_picks GROUP BY k, p`;
}

/** Kept traces of one policy that nothing is to be combined with. */
function aloneSql(name: string, picks: string, outcome: PolicyOutcome, { reasons }: Combining): string {
  const code = reasons === null ? '' : `, ${reasons.with(noReason, reasonOf(outcome))}::UINTEGER AS code`;
  return `
    SELECT t.trace_id AS trace_id, least(p.n, t.n_in) AS n${code}
    FROM (${picks}) p JOIN ${name}_traces t ON t.trace_id = p.k
    WHERE ${nOne}::UBIGINT - t.r <= least(p.n, t.n_in)`;
}

/**
 * What each policy came to by itself: N after ceilings and input, and whether R reaches it. Under first_match a trace counts for the first
 * enforce policy that names it, kept or not. A drop policy's own N is its ceiling. `counts` says whether the policy enforces, `limits` whether
 * it drops.
 */
function ownSql(name: string, picks: string, policies: readonly CompiledPolicy[], { combine }: Combining): string {
  const { enforce, drop } = placesOf(policies);
  const enforced = enforce.length === 0 ? 'false' : `p IN (${enforce.join(', ')})`;
  const first = combine === 'first_match'
    ? `SELECT * FROM (${picks}) WHERE NOT ${enforced} UNION ALL SELECT k, min(p) AS p, arg_min(n, p) AS n FROM (${picks}) WHERE ${enforced} GROUP BY k`
    : picks;
  const own = (named: string, n: string, ceilings: string, limits = false): string => `
    SELECT o.p AS p, t.trace_id AS trace_id, ${n} AS n, ${nOne}::UBIGINT - t.r <= ${n} AS kept, ${enforced} AS counts, ${limits} AS limits
    FROM (${named}) o JOIN ${name}_traces t ON t.trace_id = o.k${ceilings}`;
  if (drop.length === 0) return `CREATE TABLE ${name}_own AS ${own(first, 'least(o.n, t.n_in)', '')}`;
  const limited = own(first, `least(o.n, t.n_in, coalesce(c.n, ${nOne}::UBIGINT))`, ` LEFT JOIN ${name}_ceilings c ON c.k = o.k`);
  return `CREATE TABLE ${name}_own AS ${limited} UNION ALL ${own(`SELECT k, p, min(n) AS n FROM ${name}_limits GROUP BY k, p`, 'least(o.n, t.n_in)', '', true)}`;
}

/** Kept traces of many policies: a trace that any keeps has the greatest N of those that keep it. */
async function togetherSql(engine: Session, name: string, outcomes: readonly PolicyOutcome[], { reasons }: Combining): Promise<string> {
  const kept = `FROM ${name}_own WHERE kept AND counts GROUP BY trace_id`;
  if (reasons === null) return `SELECT trace_id, max(n) AS n ${kept}`;
  const places = "string_agg(p::VARCHAR, ',' ORDER BY p)";
  const found = await engine.api.runAndReadAll(`SELECT DISTINCT places FROM (SELECT ${places} AS places ${kept})`);
  const codes = found.getRows().map(([text]) => `('${String(text)}', ${codeOf(reasons, outcomes, String(text))}::UINTEGER)`);
  return `SELECT o.trace_id, o.n, c.code FROM (SELECT trace_id, max(n) AS n, ${places} AS places ${kept}) o
    JOIN (VALUES ${['(NULL, NULL)', ...codes].join(', ')}) c(places, code) ON c.places = o.places`;
}

function codeOf(reasons: KeepReasons, outcomes: readonly PolicyOutcome[], places: string): number {
  return reasons.of(places.split(',').map((place) => reasonOf(outcomes[Number(place)])));
}
