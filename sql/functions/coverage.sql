-- coverage("key", adjusted_count): aggregate. Which share of all originals has a key (operation, route, error message) that is
-- among the kept ones: 1 - (sum of a - 1 over keys with one kept row) / (sum of a). DOUBLE, NULL where there are no rows.
--
-- "key"           any value; rows whose key is NULL are skipped
-- adjusted_count  a, what each row stands for. Exactly 1 when everything is kept.
--
-- Source: sampling.md, rule 16: Good's estimate of what was not seen, for rows of unequal probability. On raw counts of weighted
-- rows good_turing_coverage and chao_jost_coverage are wrong: they are for input that is not sampled.
-- Example: SELECT coverage(root_name, adjusted_count) FROM traces
CREATE OR REPLACE MACRO coverage("key", adjusted_count) AS
    coverage_of(list({'key': "key", 'a': adjusted_count::DOUBLE}) FILTER (WHERE "key" IS NOT NULL));
