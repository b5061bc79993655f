import type { ViewReads } from '../policy/compile/compiled.ts';
import { encodeInputProbabilityWords } from '../sampling/input-probability.ts';
import { writeRootRandomness } from '../sampling/root-input.ts';
import { doubleOf56 } from '../sampling/word56.ts';
import type { Session } from '../store/duckdb.ts';
import { keyColumnIn, type ReadKey } from '../store/same-key.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, type WindowSlot } from '../store/window-rows.ts';
import { tracesSql, type Window } from '../store/window-views.ts';
import { TWO_56 } from '../sampling/word56.ts';

/** Tables of what roots say, by the ends of their names. */
export const rootTables = ['roots'] as const;

/** What SDKs and Jaeger's clients write on roots: how the trace was sampled, and with which parameter. The first that is there counts. */
const samplerKeys = ['jaeger.sampler', 'sampler'].map((prefix) => ({ type: keyOf(`${prefix}.type`), param: keyOf(`${prefix}.param`) }));

function keyOf(key: string): ReadKey {
  return { source: 'attributes', key, type: 'VARCHAR' };
}

/** What slots must project for it. */
export const readsOfRootSamplers: ViewReads = { view: 'traces', columns: ['has_root'], keys: samplerKeys.flatMap(({ type, param }, i) => [{ ...type, field: `t${i}` }, { ...param, field: `p${i}` }]) };

/**
 * Finds the traces of a window whose spans say nothing of their probability, at receivers where that means unknown, and whose root says it in its
 * sampler's attributes; for all spans of the trace (sampling.md, rule 23). `NAME_roots` has (trace_id, r, n_in, pcode) of these. Gives the window in which
 * their rows have that, or as it was where there are none. Under stress relief there are none: rows were let in by another randomness.
 */
export async function rootInputs(engine: Session, name: string, window: Window): Promise<Window> {
  const [part] = window.slots;
  if (window.slots.length !== 1 || part.slot.inputs.rowCount === 0 || part.slot.nMax < TWO_56) return window;
  const sql = rootsSql(window, part);
  if (sql === null) return window;
  const { count, bytes } = (await engine.run(sql)).columns([16, 8, 8]);
  if (count === 0) return window;
  await writeRoots(engine, `${name}_roots`, bytes[0], wordsOf(bytes[1]), wordsOf(bytes[2]));
  return { ...window, slots: [{ ...part, roots: `${name}_roots` }] };
}

/** SELECT of trace_id, r and N of what the root says; null where the slot was made before anybody asked for that. */
function rootsSql(window: Window, { slot }: WindowSlot): string | null {
  const columns = samplerKeys.flatMap(({ type, param }) => {
    const [typeColumn, paramColumn] = [type, param].map((key) => keyColumnIn(slot.plan, key));
    return typeColumn === null || paramColumn === null ? [] : [{ type: `root_${typeColumn.column}`, param: `root_${paramColumn.column}` }];
  });
  if (columns.length === 0) return null;
  const type = `coalesce(${columns.map((column) => column.type).join(', ')})`;
  const param = `CASE ${columns.map((column) => `WHEN ${column.type} IS NOT NULL THEN ${column.param}`).join(' ')} END`;
  const probability = `CASE lower(${type}) WHEN 'probabilistic' THEN try_cast(${param} AS DOUBLE) WHEN 'const' THEN CASE WHEN lower(${param}) IN ('true', '1') THEN 1.0::DOUBLE END END`;
  const traces = tracesSql(window, { columns: ['has_root'], keys: readsOfRootSamplers.keys });
  return `
    SELECT trace_id, r, floor(p * ${nOne}.0::DOUBLE)::UBIGINT AS n FROM (SELECT trace_id, r, ${probability} AS p FROM (${traces}) WHERE has_root)
    WHERE p * ${nOne}.0::DOUBLE >= 1 AND p <= 1
      AND trace_id IN (SELECT b.trace_id FROM ${slot.rows.table} b JOIN ${slot.inputs.table} i ON i.seq = b.rowid WHERE i.is_unknown)`;
}

async function writeRoots(engine: Session, table: string, ids: Uint8Array, r: Uint32Array, n: Uint32Array): Promise<void> {
  const drawn = new Uint32Array(r.length);
  const codes = new Uint32Array(r.length / 2);
  for (let at = 0; at < r.length; at += 2) {
    writeRootRandomness(drawn, at, r[at], r[at + 1], doubleOf56(n[at], n[at + 1]));
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
