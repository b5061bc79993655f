-- strata_samples(rows, k): stratified_sample over a list of STRUCT(item, strata).
CREATE OR REPLACE MACRO strata_samples(rows, k) AS (
    SELECT flatten(list(picks))
    FROM (SELECT bottom_k(item, k) AS picks
          FROM (SELECT one.item AS item, unnest(list_distinct(one.strata)) AS stratum FROM (SELECT unnest(rows) AS one))
          GROUP BY stratum));
