import type { StringTable } from './string-table.ts';

/**
 * How SQL turns codes into texts: all texts of a slot as one list beside each of its rows, `l.texts`, in which code c is element
 * c + 1. (A join on the string table for each text column costs DuckDB about 10 MB of hash table a join and three to eight times
 * the time.)
 */
export function textsJoin(strings: StringTable): string {
  return ` CROSS JOIN (SELECT list(text ORDER BY code) AS texts FROM ${strings.table}) l`;
}

/** The text of a code, NULL for NULL. */
export function textSql(code: string): string {
  return `l.texts[${code}::BIGINT + 1]`;
}
