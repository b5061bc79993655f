import { nOne } from '../../../store/window-rows.ts';
import type { Sample, Walk } from './sample.ts';

/** What an error of quick SQL begins with when its rows are not such as it presumes. */
export const notQuick = 'sampling: not the quick way';

/** SQL of the rows of a sample: columns key0, key1 ..., given (an item or id), weight and size where the function takes them. */
export interface Rows {
  readonly sql: string;
  readonly keys: readonly string[];
}

/** A walk in SQL: CTEs, and what follows from them. */
export interface WalkSql {
  /** CTEs after WITH: sampled_rows of the given rows, sampled_tau and those that they need. */
  readonly ctes: string;
  /** SELECT of trace_id or id, probability of what the function names. */
  readonly named: string;
  /** SELECT of what the probability of a row hangs on: by keys tau and total (`singles`), or by keys and r p (`units`). Fails as `named` does. */
  readonly found: string;
}

/** N of a row; `m` is N of what it came with. BIGINT both, so that no comparison goes by HUGEINT. */
const n = `(${nOne} - r::BIGINT)`;
const inputOfId = 'ceil(pow(2, ((given >> 58) & 63::UHUGEINT)::INTEGER - 26) * (67108864 + ((given >> 32) & 67108863::UHUGEINT)::BIGINT))::BIGINT';

/** Two ranks by adjusted_count that should be equal differ by less than this. */
const edge = '(1 + pow(2, -50))';

/**
 * The walk of sql/functions over flat rows: the threshold tau of each group first, then the rows below it. The macros are the definition;
 * this says the same as long as its checks hold, else it fails with `notQuick`:
 *
 * - `singles`: no two rows of equal randomness where that matters, which is up to tau and in units larger than the limit;
 * - `units`: the rows of a unit came with one input threshold;
 * - weights and sizes are such (the macros say which is not).
 *
 * A subquery is read again wherever it is needed: to scan a view is cheaper than to hold its rows.
 */
export function walkSql(sample: Sample, rows: Rows, walk: Walk): WalkSql {
  const parts = { sample, keys: rows.keys, walk, rows: flatRows(sample, rows) };
  const byHeap = walk === 'singles' && !sample.isSized;
  const ctes = `${byHeap ? heapCtes(parts) : sumCtes(parts)}, sampled_wrong AS (${wrongSql(parts)})`;
  const failure = `error(concat('${notQuick}: ', why))::DOUBLE`;
  const unlessWrong = (value: string): string => `CASE WHEN (SELECT count(*) > 0 FROM sampled_wrong) THEN error('${notQuick}')::DOUBLE ELSE ${value} END AS ${value}`;
  const found = walk === 'singles'
    ? `SELECT ${list(rows.keys)}, ${unlessWrong('tau')}, total FROM sampled_tau`
    : `SELECT ${list(rows.keys)}, r, ${unlessWrong('p')} FROM (${unitsNamed(parts)})`;
  const someKey = sample.keyName === 'id' ? '0::UHUGEINT' : "'00000000-0000-0000-0000-000000000000'::UUID";
  const named = `${walk === 'singles' ? singlesNamed(parts) : rowsOfUnits(parts)} UNION ALL SELECT ${someKey}, ${failure} FROM sampled_wrong`;
  return { ctes, named, found };
}

interface Parts {
  readonly sample: Sample;
  readonly keys: readonly string[];
  readonly walk: Walk;
  readonly rows: string;
}

const list = (keys: readonly string[], of = ''): string => keys.map((key) => `${of}${key}`).join(', ');
const same = (keys: readonly string[], a: string, b: string): string => keys.map((key) => `${a}.${key} IS NOT DISTINCT FROM ${b}.${key}`).join(' AND ');

/** key0 ..., id, r, m, own (W of sampling.md, rule 13), size, and what the checks look at: w, raw. */
function flatRows({ isId, isWeighted, isSized }: Sample, { sql, keys }: Rows): string {
  const item = isId ? `given AS id, (given >> 64)::UBIGINT AS r, ${inputOfId} AS m` : 'given."key" AS id, given.r AS r, given.n_in::BIGINT AS m';
  const weight = isWeighted ? ', weight::DOUBLE AS w' : '';
  const size = isSized ? ', size AS raw, TRY_CAST(size AS BIGINT) AS size' : ', 1::BIGINT AS size';
  return `(SELECT *, ${isWeighted ? 'w * (m / pow(2, 56))' : '1::DOUBLE'} AS own FROM (
    SELECT ${list(keys)}, ${item}${weight}${size} FROM (${sql}) WHERE ${isId ? 'given' : 'given.r'} IS NOT NULL))`;
}

/** rank_of of sql/functions, bound to its variant. */
const rankSql = ({ isExponential }: Sample): string => `${isExponential ? `spread_of(${n}, m)` : n} / own`;

/** Whether weights and sizes of rows are such, as an aggregate. */
function fineSql({ isWeighted, isSized, isByCount }: Sample): string {
  const weights = isWeighted && !isByCount ? ['bool_and(coalesce(w >= 1e-100 AND w <= 1e100, false))'] : [];
  const sizes = isSized ? ['min(raw) >= 0', 'max(raw) <= 1099511627776', 'count(raw) = count(*)', 'bool_and(size = raw)'] : [];
  return [...weights, ...sizes].join(' AND ') || 'true';
}

/** Single rows of size 1: tau is the (k + 1)-th smallest rank. */
function heapCtes({ sample, keys, rows }: Parts): string {
  const rank = rankSql(sample);
  const k = sample.limit;
  const slack = sample.isByCount ? ` * ${edge}` : '';
  const nearness = sample.isByCount && sample.isExponential ? 'lowest' : 'rank';
  return `
    sampled_tau AS (
      SELECT ${list(keys)}, min(${rank}, ${k + 1})[${k + 1}] AS tau, count(*) AS total, ${fineSql(sample)} AS fine FROM ${rows} GROUP BY ${list(keys)}),
    sampled_near AS (
      SELECT * FROM (
        SELECT r.*, t.tau, t.total, ${rank} AS rank FROM (
          SELECT *, ${n} / own AS lowest FROM ${rows} WHERE ${n} / own <= (SELECT max(tau) * ${edge} FROM sampled_tau)) r
        JOIN sampled_tau t ON ${same(keys, 'r', 't')})
      WHERE ${nearness} <= tau${slack})`;
}

/**
 * Rows or units with sizes: tau is the rank of the first that overflows, in order of rank. Only those below a bound on it are put in order: twice
 * what uniform randomness makes of the budget, and six deviations. Groups whose rows below it do not overflow are put in order whole.
 */
function sumCtes({ sample, keys, rows, walk }: Parts): string {
  const rank = rankSql(sample);
  const limit = sample.limit;
  const isUnits = walk === 'units';
  const from = isUnits ? 'sampled_units' : rows;
  const units = `
    sampled_units AS (
      SELECT ${list(keys)}, r, max(m) AS m, max(own) AS own, TRY_CAST(sum(size) AS BIGINT) AS size, min(m) = max(m) AND ${fineSql(sample)} AS even
      FROM ${rows} GROUP BY ${list(keys)}, r),`;
  const fits = `FILTER (WHERE size <= ${limit})`;
  const density = 'own / m';
  const factor = sample.isWeighted ? 2 : 1;
  return `${isUnits ? units : ''}
    sampled_groups AS (
      SELECT *, CASE WHEN room > ${limit} THEN (${factor} * ${limit} + largest + 6 * sqrt(greatest(0, ${limit} * spread / density))) / density END AS bound FROM (
        SELECT ${list(keys)}, TRY_CAST(sum(size) AS BIGINT) AS total, coalesce(sum(size) ${fits}, 0) AS room, max(size) ${fits} AS largest,
               sum(size * (${density})) ${fits} AS density, sum(size::DOUBLE * size * (${density})) ${fits} AS spread,
               ${isUnits ? 'bool_and(even)' : fineSql(sample)} AS fine
        FROM ${from} GROUP BY ${list(keys)})),
    sampled_bounded AS (
      SELECT r.*, ${rank} AS rank
      FROM (SELECT * FROM ${from} WHERE size <= ${limit} AND ${n} / own <= (SELECT max(bound) * ${edge} FROM sampled_groups)) r
      JOIN sampled_groups g ON ${same(keys, 'r', 'g')} AND ${rank} <= g.bound),
    sampled_wide AS (
      SELECT ${list(keys, 'g.')} FROM sampled_groups g LEFT JOIN (
        SELECT ${list(keys)}, sum(size) AS size, true AS is_near FROM sampled_bounded GROUP BY ${list(keys)}) b ON ${same(keys, 'g', 'b')}
      WHERE g.room > ${limit} AND (b.is_near IS NULL OR b.size <= ${limit})),
    sampled_near AS (
      SELECT b.* FROM sampled_bounded b ANTI JOIN sampled_wide w ON ${same(keys, 'b', 'w')}
      UNION ALL SELECT r.*, ${rank} FROM ${from} r SEMI JOIN sampled_wide w ON ${same(keys, 'r', 'w')} WHERE r.size <= ${limit}),
    sampled_first AS (
      SELECT ${list(keys)}, min(rank) AS tau FROM (
        SELECT ${list(keys)}, rank, sum(size) OVER (PARTITION BY ${list(keys)} ORDER BY rank, size ROWS UNBOUNDED PRECEDING) AS size_sum FROM sampled_near)
      WHERE size_sum > ${limit} GROUP BY ${list(keys)}),
    sampled_tau AS (SELECT g.*, f.tau FROM sampled_groups g LEFT JOIN sampled_first f ON ${same(keys, 'g', 'f')})`;
}

/** One row for each reason why the quick way does not hold. */
function wrongSql({ sample, keys, walk, rows }: Parts): string {
  const { isWeighted, isSized, isByCount, isEvery, limit } = sample;
  const spoiled = "SELECT 'weights, sizes or mixed units' AS why FROM sampled_tau WHERE NOT coalesce(fine, false)";
  if (walk === 'units') return spoiled;
  if (isEvery && isWeighted) return `${spoiled} UNION ALL SELECT 'ties' FROM ${rows} GROUP BY r HAVING count(*) > 1`;
  const isEqual = !isWeighted || (isByCount && !isSized);
  const ties = isEqual
    ? `SELECT 'ties' FROM sampled_near GROUP BY ${list(keys)}, r HAVING count(*) > 1`
    : `SELECT 'ties' FROM (SELECT count(*) AS row_count FROM ${rows} WHERE r IN (SELECT r FROM sampled_near))
       WHERE row_count <> (SELECT count(*) FROM sampled_near)`;
  const bucket = '(xor(r, r >> 16) & 65535)::USMALLINT';
  const size = isSized ? 'sum(size)' : 'count(*)';
  return `${spoiled} UNION ALL ${ties} UNION ALL
    SELECT 'large unit' FROM ${rows}
    WHERE ${bucket} IN (SELECT ${bucket} FROM ${rows} GROUP BY ${bucket} HAVING ${size} > ${limit})
    GROUP BY r HAVING count(*) > 1 AND ${size} > ${limit}`;
}

const ownColumns = { own: 'own', m: 'm', size: 'size', tau: 'tau', total: 'total' };

/** The probability that a row, or unit, has by the walk of its group. */
export function probabilitySql({ isExponential, isSized, limit, oversize }: Sample, walk: Walk, { own, m, size, tau, total } = ownColumns): string {
  const bound = isExponential ? `exponential_bound(${tau}, ${own}, ${m})` : `inclusion_bound(${tau}, ${own})`;
  const cap = `probability_of(${m})`;
  const large = { split: `-least(1, ${limit} / ${total})`, keep: cap, drop: '0' }[oversize];
  const isLarge = isSized || walk === 'units' ? `WHEN ${size} > ${limit} THEN ${large} ` : '';
  return `CASE ${isLarge}WHEN ${tau} IS NULL THEN ${cap} ELSE least(${cap}, ${bound} / pow(2, 56)) END`;
}

function singlesNamed({ sample, keys, walk, rows }: Parts): string {
  const { isEvery, isSized, keyName, limit, oversize } = sample;
  const p = `${probabilitySql(sample, walk)} AS probability`;
  const all = `SELECT id AS ${keyName}, ${p} FROM (SELECT r.*, t.tau, t.total FROM ${rows} r JOIN sampled_tau t ON ${same(keys, 'r', 't')}`;
  if (isEvery) return `${all})`;
  const near = isSized ? `(SELECT n.*, t.tau, t.total FROM sampled_near n JOIN sampled_tau t ON ${same(keys, 'n', 't')})` : 'sampled_near';
  const fits = isSized && oversize === 'drop' ? ` WHERE size <= ${limit}` : '';
  const large = isSized && oversize !== 'drop' ? ` UNION ALL ${all} AND t.tau IS NOT NULL WHERE r.size > ${limit})` : '';
  return `SELECT id AS ${keyName}, ${p} FROM ${near} WHERE rank < tau UNION ALL ${all} AND t.tau IS NULL)${fits}${large}`;
}

/** SELECT of keys, r and p of the units that are named. */
function unitsNamed({ sample, keys, walk }: Parts): string {
  const { isEvery, limit, oversize } = sample;
  const large = oversize === 'drop' ? `size <= ${limit} AND ` : `size > ${limit} OR `;
  const where = isEvery ? '' : ` WHERE ${large}(tau IS NULL OR ${rankSql(sample)} < tau)`;
  return `SELECT ${list(keys)}, r, ${probabilitySql(sample, walk)} AS p FROM (
    SELECT u.*, t.tau, t.total FROM sampled_units u JOIN sampled_tau t ON ${same(keys, 'u', 't')})${where}`;
}

function rowsOfUnits(parts: Parts): string {
  const { sample, keys, rows } = parts;
  return `SELECT r.id AS ${sample.keyName}, u.p AS probability FROM ${rows} r JOIN (${unitsNamed(parts)}) u ON r.r = u.r AND ${same(keys, 'r', 'u')}`;
}
