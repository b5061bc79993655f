import type { PolicyOutcome } from '../policy/window-policies.ts';
import { decodeInputProbabilityDouble as inputN } from '../sampling/input-probability.ts';
import { doubleOf56, TWO_56_DOUBLE } from '../sampling/word56.ts';
import type { Session } from '../store/duckdb.ts';
import { keyColumnIn } from '../store/same-key.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { type CertificateDetail, type CertificateLine, certificateLines, type CertificateSums, everything, keyless, keysMax, otherKeys, serviceKey, togetherPlace } from './certificate.ts';
import { readSums, readSumsAndTotals } from './certificate-sums.ts';
import { keptOfPolicy, type KeptOfPolicy, type RowFacts } from './kept-of-policy.ts';
import { concatNamed, keepNamed, type NamedRows } from './named-rows.ts';

/** A decided window of log records, as far as its certificate needs it. */
export interface DecidedLogs {
  readonly engine: Session;
  /** Beginning of the names of tables that are made and dropped again. */
  readonly name: string;
  /** Without rows that drop policies took out. */
  readonly window: Window;
  readonly outcomes: readonly PolicyOutcome[];
  /** What each policy named, within ceilings and the order of policies. */
  readonly own: readonly NamedRows[];
  readonly facts: RowFacts;
}

/** Certifies a window of log records. A unit is the records of one randomness, and for a key those of them that have it. */
export async function certifyLogs(decided: DecidedLogs, detail: CertificateDetail): Promise<readonly CertificateLine[]> {
  const { engine, name, outcomes, own, facts } = decided;
  if (outcomes.length === 0 || outcomes.some(({ picks }) => picks === null)) return [];
  const places = outcomes.flatMap(({ policy }, place) => (policy.mode === 'drop' ? [] : [place]));
  const enforced = places.filter((place) => outcomes[place].policy.mode === 'enforce');
  const namesAll = (some: readonly number[]): boolean => some.every((place) => outcomes[place].policy.namesOnlySampleOf === null);
  const together: Certified = { place: togetherPlace, name: everything, namesAll: namesAll(enforced), rows: enforced.map((place) => own[place]) };
  const apart = detail.policies ? places.map((place): Certified => ({ place, name: outcomes[place].policy.name, namesAll: namesAll([place]), rows: [own[place]] })) : [];
  const certified = [together, ...apart];
  try {
    await writeKept(engine, `${name}_certified`, certified.map(({ place, rows }) => ({ place, kept: keptTogether(rows, facts) })));
    await writeNamed(engine, `${name}_named`, certified.filter((one) => one.namesAll), facts.rowCount);
    return await lines(decided, certified, detail);
  } finally {
    for (const table of ['certified', 'named', 'keys']) await engine.run(`DROP TABLE IF EXISTS ${name}_${table}`);
  }
}

interface Certified {
  readonly place: number;
  readonly name: string;
  readonly namesAll: boolean;
  readonly rows: readonly NamedRows[];
}

/** What several policies keep together, each row once, at the greatest N that any gives it. */
export function keptTogether(rows: readonly NamedRows[], facts: RowFacts): KeptOfPolicy {
  if (rows.length === 0) return { wseq: new Uint32Array(0), counts: new Float64Array(0) };
  const all = concatNamed(rows);
  if (rows.length === 1 || all.split !== null) return keptOfPolicy(all, facts);
  const codes = new Uint32Array(facts.rowCount);
  for (let i = 0; i < all.count; i++) if (all.keys[i * 4] < codes.length) codes[all.keys[i * 4]] = all.keys[i * 4 + 1];
  const { wseq, n } = keepNamed(rows);
  return {
    wseq,
    counts: Float64Array.from(wseq, (row, i) => (facts.unknown?.[row] === 1 ? 1 : TWO_56_DOUBLE / Math.min(doubleOf56(n[i * 2], n[i * 2 + 1]), inputN(codes[row])))),
  };
}

async function writeKept(engine: Session, table: string, all: readonly { readonly place: number; readonly kept: KeptOfPolicy }[]): Promise<void> {
  const writer = await TableWriter.create(engine, table, [{ name: 'p', type: 'INTEGER' }, { name: 'wseq', type: 'UINTEGER' }, { name: 'a', type: 'DOUBLE' }]);
  for (const { place, kept: { wseq, counts } } of all) writer.write(wseq.length, [column(new Int32Array(wseq.length).fill(place)), column(wseq), column(counts)]);
  writer.flush();
  writer.close();
}

/** Rows that each policy named with a probability above 0, each once. */
async function writeNamed(engine: Session, table: string, all: readonly Certified[], rowCount: number): Promise<void> {
  const writer = await TableWriter.create(engine, table, [{ name: 'p', type: 'INTEGER' }, { name: 'wseq', type: 'UINTEGER' }]);
  for (const { place, rows } of all) {
    const isNamed = new Uint8Array(rowCount);
    for (const { count, keys, n } of rows) for (let i = 0; i < count; i++) if ((n[i * 2] | n[i * 2 + 1]) !== 0 && keys[i * 4] < rowCount) isNamed[keys[i * 4]] = 1;
    const named = Uint32Array.from(isNamed.keys()).filter((row) => isNamed[row] === 1);
    writer.write(named.length, [column(new Int32Array(named.length).fill(place)), column(named)]);
  }
  writer.flush();
  writer.close();
}

function column(values: Uint32Array | Int32Array | Float64Array): { readonly bytes: Uint8Array; readonly valid: null } {
  return { bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength), valid: null };
}

async function lines({ engine, name, window }: DecidedLogs, certified: readonly Certified[], detail: CertificateDetail): Promise<readonly CertificateLine[]> {
  const columns = window.slots.map(({ slot }) => keyColumnIn(slot.plan, serviceKey));
  const [found] = columns;
  const key = detail.services && !columns.includes(null) ? found : null;
  const rows = windowRows(window.slots, { fields: [], keys: key === null ? [] : [key], inputs: true });
  const known = `SELECT *, ${nOne}.0::DOUBLE / n_in AS b, ${key === null ? 'NULL::VARCHAR' : `coalesce(${key.column}, '${keyless}')`} AS own_key FROM (${rows}) WHERE NOT is_unknown`;
  if (key !== null) await engine.run(`CREATE TABLE ${name}_keys AS SELECT own_key FROM (${known}) GROUP BY own_key ORDER BY sum(b) DESC, own_key LIMIT ${keysMax}`);
  const keyed = key === null ? `SELECT *, NULL::VARCHAR AS key FROM (${known})`
    : `SELECT *, CASE WHEN own_key IN (SELECT own_key FROM ${name}_keys) THEN own_key ELSE '${otherKeys}' END AS key FROM (${known})`;
  const came = await readSumsAndTotals(engine, `SELECT ${togetherPlace}, key, sum(b) FROM (${keyed}) GROUP BY ALL`, key !== null);
  const named = await readSumsAndTotals(engine, `SELECT n.p, k.key, sum(k.b) FROM ${name}_named n JOIN (${keyed}) k ON k.wseq = n.wseq GROUP BY ALL`, key !== null);
  const kept = await keptSums(engine, `${name}_certified`, keyed, key !== null);
  const policies = new Map(certified.map(({ place, name: policy, namesAll }) => [place, { name: policy, namesAll }]));
  return certificateLines(policies, new Map(came.map((line) => [line.key, line.sums[0]])), named, kept);
}

/** Estimate, variance and units: A of the kept and B of all rows of each unit that has any kept (src/audit/interval.ts, unitVariance). */
async function keptSums(engine: Session, table: string, keyed: string, hasKeys: boolean): Promise<CertificateSums[]> {
  const totals = (key: string): string => `
    WITH after AS (SELECT c.p AS p, ${key} AS key, k.r AS r, sum(c.a) AS a FROM ${table} c JOIN (${keyed}) k ON k.wseq = c.wseq GROUP BY ALL),
    before AS (SELECT ${key} AS key, k.r AS r, sum(k.b) AS b FROM (${keyed}) k WHERE k.r IN (SELECT r FROM after) GROUP BY ALL)
    SELECT p, after.key, sum(a), sum(a * (a - b)), count(*) FROM after JOIN before ON before.r = after.r AND before.key IS NOT DISTINCT FROM after.key GROUP BY ALL`;
  const whole = await readSums(engine, totals('NULL::VARCHAR'));
  return hasKeys ? [...whole, ...await readSums(engine, totals('k.key'))] : whole;
}
