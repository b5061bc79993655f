-- ht_variance_of(kept): ht_variance over a list of STRUCT(a, x, unit).
--
-- (The list lets a macro group by unit within the caller's group. Units of one count need no pairs.)
CREATE OR REPLACE MACRO ht_variance_of(kept) AS (
    SELECT coalesce(sum(CASE WHEN a_min = a_max THEN a_min * (a_min - 1) * x * x
                             ELSE list_sum(list_transform(parts, lambda i: list_sum(list_transform(parts, lambda j:
                                      greatest(i.a, j.a) * (least(i.a, j.a) - 1) * i.x * j.x)))) END), 0)
    FROM (SELECT min(a) AS a_min, max(a) AS a_max, sum(x) AS x,
                 CASE WHEN min(a) < max(a) THEN list({'a': a, 'x': x}) END AS parts
          FROM (SELECT unit, a, sum(x) AS x, alone
                FROM (SELECT one.a AS a, one.x AS x, one.unit AS unit, CASE WHEN one.unit IS NULL THEN place END AS alone
                      FROM (SELECT unnest(kept) AS one, generate_subscripts(kept, 1) AS place))
                GROUP BY unit, alone, a)
          GROUP BY unit, alone));
