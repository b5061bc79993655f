import { nOne } from '../store/window-rows.ts';
import type { CompiledPolicy, HistoryPlan } from './compile/compiled.ts';

/** Longest key that is remembered, characters. */
const keyCharsMax = 1024;

/** Columns of the view `history` but `age`, as they are remembered of a window. */
const columns = [
  'key', 'items', 'arrivals', 'kept', 'estimate', 'probability', 'probability_min', 'threshold',
  'value_mean', 'value_p50', 'value_p90', 'value_p95', 'value_p99', 'value_max',
] as const;

/** Their types. */
export const historyColumnTypes: { readonly [column: string]: string } = Object.fromEntries([...columns.map((column) => [column, column === 'key' ? 'VARCHAR' : column === 'items' ? 'BIGINT' : column === 'threshold' ? 'UBIGINT' : 'DOUBLE']), ['keys_there', 'BIGINT']]);

const textType: { readonly [column: string]: string } = { key: 'VARCHAR', items: 'BIGINT', threshold: 'UBIGINT' };

/** The view `history`: what is remembered in tables of earlier windows, each with how many windows ago it was. */
export function historyViewSql(tables: readonly { readonly table: string; readonly age: number }[]): string {
  if (tables.length === 0) {
    const none = columns.map((column) => `NULL::${textType[column] ?? 'DOUBLE'} AS ${column}`);
    return `SELECT ${[...none, 'NULL::INTEGER AS age'].join(', ')} WHERE false`;
  }
  return tables.map(({ table, age }) => `SELECT ${columns.join(', ')}, ${age}::INTEGER AS age FROM ${table}`).join(' UNION ALL ');
}

/**
 * SELECT of what is remembered of a window, one row a key, and `keys_there`, how many keys there were. `picks` holds what the policy named:
 * k, n and split. Percentiles are those of the weighted distribution: the least value that the weights up to it reach q of all.
 */
export function historyRowsSql({ sql, keysMax }: HistoryPlan, { hasSplit }: Pick<CompiledPolicy, 'hasSplit'>, picks: string): string {
  return `
    WITH read AS (
      SELECT item."key" AS k, item.r AS r, item.n_in AS n_in, "key", CASE WHEN isfinite("value") THEN "value" END AS "value", ${one} / item.n_in AS w FROM (${sql})
      WHERE "key" IS NOT NULL AND length("key") <= ${keyCharsMax}),
    items AS (
      SELECT read.*, least(coalesce(p.n, 0), n_in)::UBIGINT AS n, ${hasSplit ? 's.n' : 'NULL'}::UBIGINT AS q
      FROM read LEFT JOIN (SELECT k, n FROM ${picks} WHERE NOT split) p ON p.k = read.k
      ${hasSplit ? `LEFT JOIN (SELECT k, n FROM ${picks} WHERE split) s ON s.k = read.k` : ''}),
    judged AS (SELECT *, ${nOne}::UBIGINT - r <= n AS reaches FROM items),
    counted AS (
      SELECT "key", count(*) AS items, sum(w) AS arrivals,
        sum(CASE WHEN reaches THEN 1 ELSE coalesce(q / ${one}, 0) END) AS kept,
        sum(CASE WHEN q IS NOT NULL THEN w WHEN reaches THEN ${one} / n ELSE 0 END) AS estimate,
        max(greatest(n, coalesce(q, 0))) AS n_max, min(greatest(n, coalesce(q, 0))) AS n_min,
        sum(w * "value") / sum(w) FILTER ("value" IS NOT NULL) AS value_mean, max("value") AS value_max
      FROM judged GROUP BY "key"),
    ranked AS (
      SELECT "key", "value", sum(w) OVER (PARTITION BY "key" ORDER BY "value" ROWS UNBOUNDED PRECEDING) AS up_to, sum(w) OVER (PARTITION BY "key") AS whole
      FROM judged WHERE "value" IS NOT NULL),
    percentiles AS (SELECT "key", ${[50, 90, 95, 99].map((q) => `min("value") FILTER (up_to >= 0.${q} * whole) AS value_p${q}`).join(', ')} FROM ranked GROUP BY "key")
    SELECT c."key", c.items, c.arrivals::DOUBLE AS arrivals, c.kept::DOUBLE AS kept, c.estimate::DOUBLE AS estimate,
      c.n_max / ${one} AS probability, c.n_min / ${one} AS probability_min, CASE WHEN c.n_max > 0 THEN ${nOne}::UBIGINT - c.n_max END AS threshold,
      c.value_mean::DOUBLE AS value_mean, value_p50, value_p90, value_p95, value_p99, c.value_max, count(*) OVER () AS keys_there
    FROM counted c LEFT JOIN percentiles USING ("key")
    ORDER BY arrivals DESC, "key" LIMIT ${keysMax}`;
}

const one = `${nOne}.0::DOUBLE`;
