-- coverage_of(kept): coverage over a list of STRUCT(key, a).
CREATE OR REPLACE MACRO coverage_of(kept) AS (
    SELECT 1 - coalesce(sum(a - 1) FILTER (WHERE rows = 1), 0) / sum(a)
    FROM (SELECT sum(one.a) AS a, count(*) AS rows FROM (SELECT unnest(kept) AS one) GROUP BY one."key"));
