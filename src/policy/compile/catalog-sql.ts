import { catalogSideViews } from '../catalog/side-views.ts';
import { catalogStars, starColumns } from '../catalog/stars.ts';
import { catalogViews, keysType } from '../catalog/views.ts';
import type { KeyRead, PolicySignal } from './compiled.ts';

/** A view of the window, a star table of its attributes, a view of what is not in the window. */
type TableKind = 'view' | 'star' | 'side';

/** A view or star table of one signal as the analysis makes it: an empty table with these columns. */
export interface TableShape {
  readonly name: string;
  readonly kind: TableKind;
  /** Column names in catalog order; `attributes` and `resource` are among them where the table has them. */
  readonly columns: readonly string[];
  readonly typeOf: (column: string) => string;
}

/** What stays of a table: columns by name, and the fields of `attributes` and `resource`. */
export interface TableReads {
  readonly columns: ReadonlySet<string>;
  readonly keys: readonly KeyRead[];
}

/** Tables of a signal's windows. */
export function tableShapes(signal: PolicySignal): readonly TableShape[] {
  const views = catalogViews
    .filter((view) => view.signal === signal)
    .map(({ name, columns }) => shape(name, 'view', columns));
  const stars = catalogStars
    .filter(({ signals }) => signals.includes(signal))
    .map((star) => shape(star.name, 'star', starColumns(star)));
  const sides = catalogSideViews.filter(({ signals }) => signals.includes(signal)).map(({ name, columns }) => shape(name, 'side', columns));
  return [...views, ...stars, ...sides];
}

function shape(name: string, kind: TableKind, columns: readonly { readonly name: string; readonly type: string }[]): TableShape {
  const types = new Map(columns.map((column) => [column.name, column.type]));
  return { name, kind, columns: columns.map((column) => column.name), typeOf: (column) => types.get(column) ?? keysType };
}

/** What a table has when nothing is left out: every column, and every key that the policy reads. */
export function allReads(table: TableShape, keys: readonly KeyRead[]): TableReads {
  return { columns: new Set(table.columns.filter((column) => !isBag(table, column))), keys: keys.filter(({ source }) => table.columns.includes(source)) };
}

/** Names of `attributes` and `resource` that a table has. */
export function isBag(table: TableShape, column: string): boolean {
  return table.kind === 'view' && table.typeOf(column) === keysType;
}

/** CREATE TABLE of a table with just what `reads` says. */
export function createTableSql(table: TableShape, reads: TableReads): string {
  const columns = table.columns.flatMap((column) => {
    if (isBag(table, column)) return structOf(column, reads.keys);
    return reads.columns.has(column) ? [`"${column}" ${table.typeOf(column)}`] : [];
  });
  return `CREATE OR REPLACE TEMP TABLE ${table.name} (${columns.join(', ')})`;
}

/** The bag as a physical struct: it prunes to its fields. */
function structOf(column: string, keys: readonly KeyRead[]): readonly string[] {
  const fields = keys.filter(({ source }) => source === column).map(({ field, type }) => `${field} ${type}`);
  return fields.length === 0 ? [] : [`"${column}" STRUCT(${fields.join(', ')})`];
}
