import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { Session } from '../store/duckdb.ts';
import { keyColumnIn } from '../store/same-key.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { type CertificateDetail, type CertificateLine, certificateLines, type CertificateSums, everything, keyless, keysMax, otherKeys, serviceKey, togetherPlace } from './certificate.ts';
import { readSums, readSumsAndTotals } from './certificate-sums.ts';
import { isSingle } from './combining.ts';
import { type RandomnessCounts, randomnessBins } from './randomness-watch.ts';

/** Tables that certifying makes, by the ends of their names; nothing needs them afterwards. */
const tables = ['shares', 'shares_keys'] as const;

/** Leaves the leading bits of R that tell its bin. */
const rShift = 56 - Math.log2(randomnessBins);

export interface CertifiedTraces {
  readonly certificate: readonly CertificateLine[];
  /** How R lies, of traces that came as unsampled: over all, then by key. */
  readonly randomness: readonly RandomnessCounts[];
}

/**
 * Certifies a window of traces that `decideTraces` has decided. A unit is a trace, and for a key its spans of that key. Windows in which a
 * policy failed are not certified: the fallback is no policy.
 */
export async function certifyTraces(
  engine: Session, name: string, window: Window, outcomes: readonly PolicyOutcome[], detail: CertificateDetail,
): Promise<CertifiedTraces> {
  try {
    const hasKeys = detail.services && await writeShares(engine, name, window);
    if (!hasKeys) await engine.run(`CREATE TABLE ${name}_shares AS ${wholeTraces(name, window)}`);
    const isDecided = outcomes.length > 0 && outcomes.every(({ picks }) => picks !== null);
    return {
      certificate: isDecided ? await lines(engine, name, outcomes, detail, hasKeys) : [],
      randomness: [...await randomness(engine, wholeRandomness(name)), ...(hasKeys ? await randomness(engine, keyedRandomness(name)) : [])],
    };
  } finally {
    for (const table of tables) await engine.run(`DROP TABLE IF EXISTS ${name}_${table}`);
  }
}

/** Traces whose input probability is 1, by the leading bits of R. */
function wholeRandomness(name: string): string {
  return `SELECT '${everything}' AS key, (r >> ${rShift})::INTEGER AS bin, count(*) FROM ${name}_traces WHERE n_in = ${nOne}::UBIGINT GROUP BY ALL`;
}

function keyedRandomness(name: string): string {
  return `SELECT s.key AS key, (t.r >> ${rShift})::INTEGER AS bin, count(*) FROM ${name}_shares s JOIN ${name}_traces t ON t.trace_id = s.trace_id
    WHERE t.n_in = ${nOne}::UBIGINT AND s.key <> '${otherKeys}' GROUP BY ALL`;
}

async function randomness(engine: Session, sql: string): Promise<RandomnessCounts[]> {
  const byKey = new Map<string, Uint32Array>();
  for (const [key, bin, count] of (await engine.api.runAndReadAll(sql)).getRows()) {
    const bins = byKey.get(String(key)) ?? new Uint32Array(randomnessBins);
    byKey.set(String(key), bins);
    bins[Number(bin)] = Number(count);
  }
  return [...byKey].map(([key, bins]) => ({ key, bins }));
}

/** Spans by trace: key NULL, n_in, spans. */
function wholeTraces(name: string, window: Window): string {
  if (!window.slots.some(({ slot }) => slot.isSampled)) {
    return `SELECT trace_id, NULL::VARCHAR AS key, ${nOne}::UBIGINT AS n_in, evidence_rows::DOUBLE AS spans FROM ${name}_traces`;
  }
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: true });
  return `SELECT trace_id, NULL::VARCHAR AS key, n_in, count(*)::DOUBLE AS spans FROM (${rows}) WHERE NOT is_unknown GROUP BY ALL`;
}

/** Spans by trace and service, small services under one name; false where a slot does not project service.name. */
async function writeShares(engine: Session, name: string, window: Window): Promise<boolean> {
  const columns = window.slots.map(({ slot }) => keyColumnIn(slot.plan, serviceKey));
  const [key] = columns;
  if (key === null || key === undefined || columns.includes(null)) return false;
  const rows = windowRows(window.slots, { fields: [], keys: [key], inputs: true });
  await engine.run(`
    CREATE TABLE ${name}_shares_keys AS
    SELECT trace_id, coalesce(${key.column}, '${keyless}') AS key, n_in, count(*)::DOUBLE AS spans FROM (${rows}) WHERE NOT is_unknown GROUP BY ALL`);
  await engine.run(`
    CREATE TABLE ${name}_shares AS
    SELECT trace_id, CASE WHEN key IN (SELECT key FROM ${name}_shares_keys GROUP BY key ORDER BY sum(spans) DESC, key LIMIT ${keysMax}) THEN key ELSE '${otherKeys}' END AS key, n_in, spans
    FROM ${name}_shares_keys`);
  return true;
}

async function lines(
  engine: Session, name: string, outcomes: readonly PolicyOutcome[], detail: CertificateDetail, hasKeys: boolean,
): Promise<readonly CertificateLine[]> {
  const places = outcomes.flatMap(({ policy }, place) => (policy.mode === 'drop' ? [] : [place]));
  const isApart = detail.policies && !isSingle(outcomes.map(({ policy }) => policy));
  const enforced = places.filter((place) => outcomes[place].policy.mode === 'enforce');
  const namesAll = (some: readonly number[]): boolean => some.every((place) => outcomes[place].policy.namesOnlySampleOf === null);
  const policies = new Map([[togetherPlace, { name: everything, namesAll: namesAll(enforced) }]]);
  if (detail.policies) for (const place of places) policies.set(place, { name: outcomes[place].policy.name, namesAll: namesAll([place]) });
  const decided = [
    `SELECT ${togetherPlace} AS p, trace_id, n FROM ${name}_kept`,
    ...(isApart ? [`SELECT p::INTEGER, trace_id, n FROM ${name}_own WHERE kept AND NOT limits`] : []),
  ].join(' UNION ALL ');
  const naming = [
    `SELECT DISTINCT ${togetherPlace} AS p, k FROM ${name}_picks WHERE n > 0 AND p IN (${[...enforced, togetherPlace].join(', ')})`,
    ...(isApart ? [`SELECT DISTINCT p::INTEGER, k FROM ${name}_picks WHERE n > 0`] : []),
  ].join(' UNION ALL ');
  const gone = outcomes.some(({ policy }) => policy.mode === 'drop') ? `WHERE trace_id NOT IN (SELECT k FROM ${name}_ceilings WHERE n = 0)` : '';
  const came = await readSumsAndTotals(engine, `SELECT ${togetherPlace}, key, sum(spans * (${nOne}.0::DOUBLE / n_in)) FROM ${name}_shares ${gone} GROUP BY ALL`, hasKeys);
  const named = await readSumsAndTotals(engine, `SELECT d.p, s.key, sum(s.spans * (${nOne}.0::DOUBLE / s.n_in)) FROM (${naming}) d JOIN ${name}_shares s ON s.trace_id = d.k GROUP BY ALL`, hasKeys);
  const kept = await keptSums(engine, name, decided, hasKeys);
  const all = isApart || !detail.policies ? { named, kept } : { named: [...named, ...alone(named)], kept: [...kept, ...alone(kept)] };
  return certificateLines(policies, new Map(came.map(({ key, sums: [sum] }) => [key, sum])), all.named, all.kept);
}

/** One policy alone is what all are together. */
function alone(all: readonly CertificateSums[]): CertificateSums[] {
  return all.map((sums) => ({ ...sums, place: 0 }));
}

/** Estimate, variance and units: A and B of each unit first (src/audit/interval.ts, unitVariance). */
async function keptSums(engine: Session, name: string, decided: string, hasKeys: boolean): Promise<CertificateSums[]> {
  const units = (key: string): string => `
    SELECT d.p AS p, ${key} AS key, s.trace_id, sum(s.spans * (${nOne}.0::DOUBLE / s.n_in)) AS b, sum(s.spans * (${nOne}.0::DOUBLE / least(d.n, s.n_in))) AS a
    FROM (${decided}) d JOIN ${name}_shares s ON s.trace_id = d.trace_id GROUP BY ALL`;
  const totals = (key: string): string => `SELECT p, key, sum(a), sum(a * (a - b)), count(*) FROM (${units(key)}) GROUP BY p, key`;
  const whole = await readSums(engine, totals('NULL::VARCHAR'));
  return hasKeys ? [...whole, ...await readSums(engine, totals('s.key'))] : whole;
}
