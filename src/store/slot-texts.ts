import type { StringTable } from './string-table.ts';

/** A column to select: an expression over a table `t` that is a code of the slot's string table, or any other. */
export interface SelectedColumn {
  readonly sql: string;
  readonly isText: boolean;
  readonly as: string;
}

/**
 * SELECT of columns of one table of a slot, texts resolved. All texts of the slot stand as one list beside each row, in which code c is
 * element c + 1. (A join on the string table for each text column costs DuckDB about 10 MB of hash table a join and three to
 * eight times the time.) The table must stay alone with the list in its SELECT: among other joins the optimizer may put the list
 * into a hash table, once a row.
 */
export function selectWithTexts(table: string, strings: StringTable, columns: readonly SelectedColumn[], where = ''): string {
  const select = columns.map(({ sql, isText, as }) => `${isText ? `l.texts[${sql}::BIGINT + 1]` : sql} AS "${as}"`);
  const texts = columns.some(({ isText }) => isText) ? ` CROSS JOIN (SELECT list(text ORDER BY code) AS texts FROM ${strings.table}) l` : '';
  return `SELECT ${select.join(', ')} FROM ${table}${texts}${where}`;
}
