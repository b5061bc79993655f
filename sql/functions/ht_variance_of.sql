-- ht_variance_of(kept): ht_variance over a list of STRUCT(a, x, unit).
--
-- (The list lets a macro group by unit within the caller's group. Rows of a unit that came with different counts are gone through in order of
-- count, so that each meets the sum of (a - 1) * x of those before it: all pairs in one pass.)
CREATE OR REPLACE MACRO ht_variance_of(kept) AS (
    SELECT coalesce(sum(CASE WHEN a_min = a_max THEN a_min * (a_min - 1) * x * x
                             ELSE list_reduce(parts, lambda done, one: {
                                      'a': one.a, 'x': one.x,
                                      'before': done.before + (one.a - 1) * one.x,
                                      'total': done.total + one.a * one.x * (2 * done.before + (one.a - 1) * one.x)}).total END), 0)
    FROM (SELECT min(a) AS a_min, max(a) AS a_max, sum(x) AS x,
                 CASE WHEN min(a) < max(a)
                      THEN list({'a': a, 'x': x, 'before': (a - 1) * x, 'total': a * (a - 1) * x * x} ORDER BY a) END AS parts
          FROM (SELECT one.unit AS unit, one.a AS a, sum(one.x) AS x FROM (SELECT unnest(kept) AS one) WHERE one.unit IS NOT NULL GROUP BY ALL)
          GROUP BY unit))
    + coalesce(list_sum(list_transform(
        list_filter(kept, lambda one: one.unit IS NULL), lambda one: one.a * (one.a - 1) * one.x * one.x)), 0);
