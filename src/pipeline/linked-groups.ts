import type { ViewReads } from '../policy/compile/compiled.ts';
import { decidedElsewhereBit } from '../sampling/decided-elsewhere.ts';
import { smallestOfComponent } from '../sampling/union-find.ts';
import type { Session } from '../store/duckdb.ts';
import { keyColumnIn, type ReadKey } from '../store/same-key.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import { childViewSql, type Window } from '../store/window-views.ts';

/** What makes traces of a window one group. */
export interface LinkedBy {
  /** Span links, in either direction. */
  readonly spanLinks: boolean;
  /** An attribute of any of their spans with the same value, for example session.id; null = none. */
  readonly sessionKey: string | null;
}

/** Tables of a window's groups, by the ends of their names. */
export const groupTables = ['edges', 'nodes', 'leaders', 'groups', 'group_kept'] as const;

/** What slots must project for groups to be seen. */
export function readsOfLinks({ spanLinks, sessionKey }: LinkedBy): readonly ViewReads[] {
  return [
    ...(spanLinks ? [{ view: 'span_links' as const, columns: ['trace_id', 'linked_trace_id'], keys: [] }] : []),
    ...(sessionKey === null ? [] : [{ view: 'spans' as const, columns: ['trace_id'], keys: [{ ...keyOf(sessionKey), field: 'k0' }] }]),
  ];
}

function keyOf(key: string): ReadKey {
  return { source: 'attributes', key, type: 'VARCHAR' };
}

/**
 * Finds the groups of a window's traces (`NAME_traces`), its connected components, and gives every member the randomness and the p_in of its
 * group's leader, the smallest trace id (sampling.md, rule 10). So to policies a group is a unit of equal R (rule 14), and all sampling
 * functions are right on it. `NAME_groups` has (trace_id, leader, r, n_in, own_r, own_n_in) of all members. Gives the window with its
 * groups, or null where there are none.
 */
export async function groupTraces(engine: Session, name: string, window: Window, by: LinkedBy): Promise<Window | null> {
  await engine.run(`CREATE TABLE ${name}_edges AS SELECT DISTINCT least(a, b) AS a, greatest(a, b) AS b FROM (${edgesSql(name, window, by)}) WHERE a <> b`);
  await engine.run(`CREATE TABLE ${name}_nodes AS
    SELECT trace_id, (row_number() OVER (ORDER BY trace_id) - 1)::UINTEGER AS node FROM (SELECT a AS trace_id FROM ${name}_edges UNION SELECT b FROM ${name}_edges)`);
  const edges = (await engine.run(`SELECT a.node, b.node FROM ${name}_edges e JOIN ${name}_nodes a ON a.trace_id = e.a JOIN ${name}_nodes b ON b.trace_id = e.b`)).columns([4, 4]);
  if (edges.count === 0) return null;
  const nodeCount = (await engine.run(`SELECT count(*) FROM ${name}_nodes`)).integer();
  await writeLeaders(engine, `${name}_leaders`, smallestOfComponent(nodeCount, pairs(wordsOf(edges.bytes[0]), wordsOf(edges.bytes[1]))));
  await engine.run(`CREATE TABLE ${name}_groups AS
    SELECT n.trace_id AS trace_id, l.trace_id AS leader, t.r AS r, t.n_in AS n_in, o.r AS own_r, o.n_in AS own_n_in
    FROM ${name}_leaders s JOIN ${name}_nodes n ON n.node = s.node JOIN ${name}_nodes l ON l.node = s.leader
    JOIN ${name}_traces t ON t.trace_id = l.trace_id JOIN ${name}_traces o ON o.trace_id = n.trace_id`);
  await engine.run(`UPDATE ${name}_traces SET r = g.r, n_in = g.n_in FROM ${name}_groups g WHERE g.trace_id = ${name}_traces.trace_id AND g.leader <> g.trace_id`);
  return { ...window, groups: `${name}_groups` };
}

/** SELECT of a, b: traces of the window that belong together. */
function edgesSql(name: string, window: Window, { spanLinks, sessionKey }: LinkedBy): string {
  const parts: string[] = [];
  if (spanLinks && window.slots.every(({ slot }) => slot.plan.children.some(({ child }) => child === 'span_links'))) {
    const links = childViewSql(window, 'span_links', { columns: ['trace_id', 'linked_trace_id'], keys: [] });
    parts.push(`SELECT l.trace_id AS a, l.linked_trace_id AS b FROM (${links}) l JOIN ${name}_traces t ON t.trace_id = l.linked_trace_id`);
  }
  const key = sessionKey === null ? null : keyColumnIn(window.slots[0].slot.plan, keyOf(sessionKey));
  if (key !== null) {
    const rows = windowRows(window.slots, { fields: [], keys: [key], inputs: false });
    parts.push(`SELECT trace_id AS a, min(trace_id) OVER (PARTITION BY session) AS b
      FROM (SELECT DISTINCT trace_id, ${key.column} AS session FROM (${rows})) WHERE session IS NOT NULL AND session <> ''`);
  }
  return parts.length === 0 ? 'SELECT NULL::UUID AS a, NULL::UUID AS b WHERE false' : parts.join(' UNION ALL ');
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function pairs(a: Uint32Array, b: Uint32Array): Uint32Array {
  const edges = new Uint32Array(a.length * 2);
  for (let i = 0; i < a.length; i++) {
    edges[i * 2] = a[i];
    edges[i * 2 + 1] = b[i];
  }
  return edges;
}

async function writeLeaders(engine: Session, table: string, leaders: Uint32Array): Promise<void> {
  const writer = await TableWriter.create(engine, table, [{ name: 'node', type: 'UINTEGER' }, { name: 'leader', type: 'UINTEGER' }]);
  const nodes = Uint32Array.from({ length: leaders.length }, (_, node) => node);
  writer.write(leaders.length, [nodes, leaders].map((words) => ({ bytes: new Uint8Array(words.buffer), valid: null })));
  writer.flush();
  writer.close();
}

/** How the verdict on a window was made: whether traces have ceilings, and whether what was kept says why. */
export interface VerdictShape {
  readonly hasCeilings: boolean;
  readonly hasReasons: boolean;
}

/**
 * Spreads what was decided over the members of each group: all are kept with the group's greatest p, within their own ceilings, named or not;
 * `NAME_kept` then has N of each member's own p.
 * `NAME_decided` then has how each leaves: the leader by its threshold; others, whose own R says nothing of it, with the count that they
 * came with divided by the p of the group given its leader (`decidedElsewhere`), or as they came where that is 1.
 */
export async function spreadOverGroups(engine: Session, name: string, { hasCeilings, hasReasons }: VerdictShape): Promise<void> {
  const ceiling = hasCeilings ? `LEFT JOIN ${name}_ceilings c ON c.k = m.trace_id` : '';
  const n = hasCeilings ? `least(g.n, coalesce(c.n, ${nOne}::UBIGINT))` : 'g.n';
  await engine.run(`CREATE TABLE ${name}_group_kept AS
    SELECT m.trace_id AS trace_id, ${ownSql(n)} AS n, ${leaveSql(n)} AS leaves${hasReasons ? ', g.code AS code' : ''}
    FROM ${name}_groups m JOIN (
      SELECT m.leader AS leader, max(k.n) AS n${hasReasons ? ', arg_max(k.code, k.n) AS code' : ''} FROM ${name}_kept k JOIN ${name}_groups m ON m.trace_id = k.trace_id GROUP BY m.leader
    ) g ON g.leader = m.leader ${ceiling}
    WHERE ${nOne}::UBIGINT - m.r <= ${n}`);
  const code = hasReasons ? ', code' : '';
  await engine.run(`DELETE FROM ${name}_kept WHERE trace_id IN (SELECT trace_id FROM ${name}_groups)`);
  await engine.run(`INSERT INTO ${name}_kept SELECT trace_id, n${code} FROM ${name}_group_kept`);
  await engine.run(`UPDATE ${name}_decided SET n = g.leaves${hasReasons ? ', code = g.code' : ''} FROM ${name}_group_kept g WHERE g.trace_id = ${name}_decided.trace_id`);
  await engine.run(`UPDATE ${name}_decided SET n = 0 WHERE trace_id IN (SELECT trace_id FROM ${name}_groups) AND trace_id NOT IN (SELECT trace_id FROM ${name}_group_kept)`);
}

/** N of a member's own p: that of the group given its leader, times what the member came with. */
function ownSql(n: string): string {
  return `CASE WHEN m.own_r = m.r THEN ${n} ELSE (((${n})::UHUGEINT * m.own_n_in::UHUGEINT + m.n_in::UHUGEINT - 1) // m.n_in::UHUGEINT)::UBIGINT END`;
}

/** How a member of a group leaves whose p is `n` given nothing, n / n_in given that its leader is there. */
function leaveSql(n: string): string {
  const given = `greatest(((${n})::UHUGEINT << 56) // m.n_in::UHUGEINT, 1::UHUGEINT)::UBIGINT`;
  return `CASE WHEN m.own_r = m.r THEN ${n} WHEN ${n} >= m.n_in THEN ${nOne}::UBIGINT ELSE ${given} + ${decidedElsewhereBit}::UBIGINT END`;
}
