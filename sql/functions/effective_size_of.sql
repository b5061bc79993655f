-- effective_size_of(kept): effective_sample_size over a list of STRUCT(a, unit).
CREATE OR REPLACE MACRO effective_size_of(kept) AS (
    SELECT sum(a) * sum(a) / sum(a * a)
    FROM (SELECT sum(one.a) AS a
          FROM (SELECT unnest(kept) AS one, generate_subscripts(kept, 1) AS place)
          GROUP BY one.unit, CASE WHEN one.unit IS NULL THEN place END));
