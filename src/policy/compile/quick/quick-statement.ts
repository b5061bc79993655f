import type { Analysis } from '../analysis.ts';
import type { PolicySource } from '../policy-source.ts';
import { isNode, type Node, nodesOf, type SqlTree, visitNodes } from '../sql-tree.ts';
import { groupedSample, writeGrouped } from './grouped.ts';
import { rowFormsOf, writeRowForm } from './row-form.ts';
import type { Walk } from './sample.ts';
import { cteQueries } from './source.ts';

/** What the statement says, written so that it runs faster. */
export interface QuickStatement {
  readonly statement: Node;
  /** No two rows name one item. */
  readonly isOnce: boolean;
}

/**
 * The statement with the samples of plain rows of a view written as joins: the threshold of each group first, then the rows below it, in place
 * of a list of all rows. It names the same, or fails with `notQuick`. Null where nothing of it can be so written.
 *
 * Traces seldom have one randomness, and `ofTraces` says how they are seen; spans and records are seen as units.
 */
export async function quickStatement(analysis: Analysis, source: PolicySource, statement: Node, ofTraces: Walk): Promise<QuickStatement | null> {
  const copy = structuredClone(statement);
  const ctes = cteQueries(copy);
  const whole = copy['node'];
  const forms: Node[] = [];
  visitNodes(copy, (node) => {
    if (node['type'] === 'SELECT_NODE') forms.push(node);
  });
  const found = forms.flatMap((select) => rowFormsOf(select, ctes, ofTraces));
  const samples = selectsOf(whole).flatMap((select) => groupedSample(select, ctes, ofTraces, select === whole) ?? []);
  if (found.length + samples.length === 0) return null;
  for (const [number, form] of found.entries()) await writeRowForm(analysis, source, form, number);
  for (const sample of samples) await writeGrouped(analysis, source, sample);
  return { statement: copy, isOnce: samples.some(({ select }) => select === whole) };
}

/** The SELECTs that a statement is the union of. */
function selectsOf(query: SqlTree | undefined): readonly Node[] {
  if (!isNode(query)) return [];
  if (query['type'] === 'SELECT_NODE') return [query];
  return [query['left'], query['right'], ...nodesOf(query['children'])].flatMap(selectsOf);
}
