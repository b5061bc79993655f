import type { ViewReads } from '../policy/compile/compiled.ts';
import { encodeInputProbabilityWords } from '../sampling/input-probability.ts';
import { writeRootRandomness } from '../sampling/root-input.ts';
import { doubleOf56, TWO_56, TWO_56_DOUBLE } from '../sampling/word56.ts';
import type { Session } from '../store/duckdb.ts';
import { keyColumnIn, type ReadKey } from '../store/same-key.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, type WindowSlot } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';

/** Tables of what roots say, by the ends of their names. */
export const rootTables = ['roots', 'served'] as const;

/** What SDKs and Jaeger's clients write on roots: how the trace was sampled, and with which parameter. The first that is there counts. */
const samplerKeys = ['jaeger.sampler', 'sampler'].map((prefix) => ({ type: keyOf(`${prefix}.type`), param: keyOf(`${prefix}.param`) }));

function keyOf(key: string): ReadKey {
  return { source: 'attributes', key, type: 'VARCHAR' };
}

/** The rate that all traces of a service are sampled with at the head, from a time (ns) on. */
export interface StableRate {
  readonly rate: number;
  readonly sinceNano: bigint;
}

/** The rates that senders which ask for them sample with. */
export interface ServedRates {
  /** As they are now. Null: nobody knows. Services that are not among them have `otherwise`. */
  stable(): { readonly otherwise: StableRate; readonly services: readonly { readonly service: string; readonly rate: StableRate | null }[] };
}

/** What is heard of roots: their sampler's attributes, and where there are none, and `served` is given, what their service was told. */
export interface RootSays {
  readonly served: ServedRates | null;
}

/** What slots must project for it. */
export const readsOfRootSamplers: ViewReads = { view: 'traces', columns: ['has_root', 'root_service', 'start_time'], keys: samplerKeys.flatMap(({ type, param }, i) => [{ ...type, field: `t${i}` }, { ...param, field: `p${i}` }]) };

/**
 * Finds the traces of a window whose spans say nothing of their probability, at receivers where that means unknown, and whose root says it in its
 * sampler's attributes, or whose service was told; for all spans of the trace (sampling.md, rule 23). `NAME_roots` has (trace_id, r, n_in, pcode) of these. Gives the window in which
 * their rows have that, or as it was where there are none. Under stress relief there are none: rows were let in by another randomness.
 */
export async function rootInputs(engine: Session, name: string, window: Window, { served }: RootSays): Promise<Window> {
  const [part] = window.slots;
  if (window.slots.length !== 1 || part.slot.inputs.rowCount === 0 || part.slot.nMax < TWO_56) return window;
  if (served !== null) await writeServed(engine, `${name}_served`, served);
  const sql = rootsSql(window, part, served === null ? null : `${name}_served`);
  if (sql === null) return window;
  const { count, bytes } = (await engine.run(sql)).columns([16, 8, 8]);
  if (count === 0) return window;
  await writeRoots(engine, `${name}_roots`, bytes[0], wordsOf(bytes[1]), wordsOf(bytes[2]));
  return { ...window, slots: [{ ...part, roots: `${name}_roots` }] };
}

/** SELECT of trace_id, r and N of what the root says; null where the slot was made before anybody asked for that. */
function rootsSql(window: Window, { slot }: WindowSlot, served: string | null): string | null {
  const columns = samplerKeys.flatMap(({ type, param }) => {
    const [typeColumn, paramColumn] = [type, param].map((key) => keyColumnIn(slot.plan, key));
    return typeColumn === null || paramColumn === null ? [] : [{ type: `root_${typeColumn.column}`, param: `root_${paramColumn.column}` }];
  });
  if (columns.length === 0) return null;
  const type = `coalesce(${columns.map((column) => column.type).join(', ')})`;
  const param = `CASE ${columns.map((column) => `WHEN ${column.type} IS NOT NULL THEN ${column.param}`).join(' ')} END`;
  const said = `CASE lower(${type}) WHEN 'probabilistic' THEN try_cast(${param} AS DOUBLE) WHEN 'const' THEN CASE WHEN lower(${param}) IN ('true', '1') THEN 1.0::DOUBLE END END`;
  const traces = tracesSql(window, { columns: served === null ? ['has_root'] : readsOfRootSamplers.columns, keys: readsOfRootSamplers.keys });
  const [probability, join] = served === null ? [said, ''] : [servedSql(type, said, served), ` t LEFT JOIN ${served} v ON v.service = t.root_service`];
  return `
    SELECT trace_id, r, floor(p * ${nOne}.0::DOUBLE)::UBIGINT AS n FROM (SELECT trace_id, r, ${probability} AS p FROM (${traces})${join} WHERE has_root)
    WHERE p * ${nOne}.0::DOUBLE >= 1 AND p <= 1
      AND trace_id IN (SELECT b.trace_id FROM ${slot.rows.table} b JOIN ${slot.inputs.table} i ON i.seq = b.rowid WHERE i.is_unknown)`;
}

/** What the root says, and where it says nothing at all the rate that its service was told before the trace began. */
function servedSql(type: string, said: string, served: string): string {
  const otherwise = (column: string): string => `(SELECT ${column} FROM ${served} WHERE service IS NULL)`;
  const told = (column: string): string => `CASE WHEN v.service IS NULL THEN ${otherwise(column)} ELSE v.${column} END`;
  return `CASE WHEN ${type} IS NOT NULL THEN ${said} WHEN root_service <> '' AND epoch_ns(start_time) >= ${told('since_ns')} THEN ${told('rate')} END`;
}

/** Services with their rates, NULL where nobody knows; the service NULL is all others. */
async function writeServed(engine: Session, table: string, served: ServedRates): Promise<void> {
  const { otherwise, services } = served.stable();
  const rows = [{ service: null, rate: otherwise }, ...services];
  const writer = await TableWriter.create(engine, table, [{ name: 'service', type: 'VARCHAR' }, { name: 'rate', type: 'DOUBLE' }, { name: 'since_ns', type: 'BIGINT' }]);
  const valid = Uint8Array.from(rows, ({ rate }) => (rate === null ? 0 : 1));
  writer.write(rows.length, [
    { texts: rows.map(({ service }) => service) },
    { bytes: new Uint8Array(Float64Array.from(rows, ({ rate }) => rate?.rate ?? 0).buffer), valid },
    { bytes: new Uint8Array(BigInt64Array.from(rows, ({ rate }) => rate?.sinceNano ?? 0n).buffer), valid },
  ]);
  writer.flush();
  writer.close();
}

/** What a query over traces, or rows of them, says of their roots: a column, N or 0, and the join that it needs; `alias` has the trace_id. */
export function rootColumn(roots: string | undefined, alias: string): readonly [column: string, join: string] {
  return roots === undefined ? ['', ''] : [', coalesce(g.n_in, 0::UBIGINT) AS root_n', ` LEFT JOIN ${roots} g ON g.trace_id = ${alias}.trace_id`];
}

async function writeRoots(engine: Session, table: string, ids: Uint8Array, r: Uint32Array, n: Uint32Array): Promise<void> {
  const drawn = new Uint32Array(r.length);
  const codes = new Uint32Array(r.length / 2);
  const idWords = wordsOf(ids);
  for (let at = 0; at < r.length; at += 2) {
    const nIn = doubleOf56(n[at], n[at + 1]);
    if (nIn === TWO_56_DOUBLE) {
      drawn[at] = idWords[at * 2];
      drawn[at + 1] = idWords[at * 2 + 1] & 0xffffff;
    } else writeRootRandomness(drawn, at, r[at], r[at + 1], nIn);
    codes[at / 2] = encodeInputProbabilityWords(n[at], n[at + 1]);
  }
  const writer = await TableWriter.create(engine, table, [{ name: 'trace_id', type: 'UUID' }, { name: 'r', type: 'UBIGINT' }, { name: 'n_in', type: 'UBIGINT' }, { name: 'pcode', type: 'UINTEGER' }]);
  writer.write(codes.length, [ids, ...[drawn, n, codes].map((words) => new Uint8Array(words.buffer, words.byteOffset, words.byteLength))].map((bytes) => ({ bytes, valid: null })));
  writer.flush();
  writer.close();
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
