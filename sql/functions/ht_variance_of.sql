-- ht_variance_of(kept): ht_variance over a list of STRUCT(a, x, unit).
--
-- (The list lets a macro group by unit within the caller's group. Units of one count need no pairs.)
CREATE OR REPLACE MACRO ht_variance_of(kept) AS (
    SELECT coalesce(sum(CASE WHEN a_min = a_max THEN a_min * (a_min - 1) * x * x
                             ELSE list_sum(list_transform(parts, lambda i: list_sum(list_transform(parts, lambda j:
                                      greatest(i.a, j.a) * (least(i.a, j.a) - 1) * i.x * j.x)))) END), 0)
    FROM (SELECT min(a) AS a_min, max(a) AS a_max, sum(x) AS x, CASE WHEN min(a) < max(a) THEN list({'a': a, 'x': x}) END AS parts
          FROM (SELECT one.unit AS unit, one.a AS a, sum(one.x) AS x FROM (SELECT unnest(kept) AS one) WHERE one.unit IS NOT NULL GROUP BY ALL)
          GROUP BY unit))
    + coalesce(list_sum(list_transform(
        list_filter(kept, lambda one: one.unit IS NULL), lambda one: one.a * (one.a - 1) * one.x * one.x)), 0);
