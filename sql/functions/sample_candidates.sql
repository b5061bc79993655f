-- sample_candidates(rows, k, oversize, is_exponential, is_every, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max):
-- sample of k rows, by the shortest way that the group allows. The parameters are those of sample and candidate_floor.
--
-- (The one-element list binds the floor before the rows are filtered: inside a lambda an expression is computed for every row.)
CREATE OR REPLACE MACRO sample_candidates
    (rows, k, oversize, is_exponential, is_every, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max) AS
    list_transform(
        [CASE WHEN is_every THEN 0::UBIGINT
              ELSE candidate_floor(k, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max) END],
        lambda r_min: CASE
            WHEN row_count = distinct_count
            THEN walk_singles(list_filter(rows, lambda row: row.r >= r_min), rank_k1, is_exponential, is_every)
            ELSE sample(list_filter(rows, lambda row: row.r >= r_min), k, row_count, oversize, true, is_exponential, is_every) END)[1];
