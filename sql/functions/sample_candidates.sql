-- sample_candidates(rows, k, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max): sample, by the shortest way
-- that the group allows. The parameters are those of candidate_floor.
--
-- (The one-element list binds the floor before the rows are filtered: inside a lambda an expression is computed for every row.)
CREATE OR REPLACE MACRO sample_candidates(rows, k, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max) AS
    list_transform(
        [candidate_floor(k, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max)],
        lambda r_min: CASE
            WHEN row_count = distinct_count
            THEN walk_singles(list_filter(rows, lambda row: row.r >= r_min), rank_k1)
            ELSE sample(list_filter(rows, lambda row: row.r >= r_min), k, row_count) END)[1];
