import { catalogViews } from '../../catalog/views.ts';
import { columnParts, findNode, isNode, type Node, type SqlTree, textOf } from '../sql-tree.ts';

const otherClasses: ReadonlySet<string> = new Set(['SUBQUERY', 'WINDOW', 'STAR']);

/** A view in a FROM by itself, as it may be called there. */
export interface FromView {
  /** Lower case, as `alias`. */
  readonly view: string;
  readonly alias: string;
  readonly columns: ReadonlySet<string>;
}

/** The one view of the catalog that a FROM is about; null for joins, subqueries, samples and what is not of the catalog. */
export function viewOf(from: SqlTree | undefined): FromView | null {
  if (!isNode(from) || from['type'] !== 'BASE_TABLE' || (from['sample'] ?? null) !== null || namesColumns(from)) return null;
  const view = textOf(from['table_name']).toLowerCase();
  const known = catalogViews.find(({ name }) => name === view);
  if (known === undefined) return null;
  const alias = textOf(from['alias']).toLowerCase();
  return { view, alias: alias === '' ? view : alias, columns: new Set(known.columns.map(({ name }) => name)) };
}

function namesColumns({ column_name_alias: names }: Node): boolean {
  return Array.isArray(names) && names.length > 0;
}

/** Name of a column of the view, lower case; null for anything else. */
export function columnOf({ alias, columns }: FromView, tree: SqlTree | undefined): string | null {
  const parts = columnParts(tree)?.map((part) => part.toLowerCase()) ?? [];
  const [first, second] = parts;
  if (parts.length === 1 && columns.has(first)) return first;
  return parts.length === 2 && first === alias && columns.has(second) ? second : null;
}

/**
 * Whether an expression says the same of a row of the view whatever other rows there are, and of nothing else: it reads that view's columns, no other query, no
 * window of rows, and no sample. `macros`: all sampling functions.
 */
export function isOfRow(expression: SqlTree | undefined, from: FromView, macros: ReadonlySet<string>): boolean {
  if (!isNode(expression)) return false;
  return findNode(expression, (node) => otherClasses.has(textOf(node['class'])) || macros.has(textOf(node['function_name']).toLowerCase())
    || (columnParts(node) !== null && columnOf(from, node) === null)) === undefined;
}
