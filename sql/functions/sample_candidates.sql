-- sample_candidates(rows, facts, is_exponential, is_every): sample of k rows, by the shortest way that the group allows.
--
-- rows     list of STRUCT(key, r, n_in, weight, size)
-- facts    one STRUCT(k, oversize, row_count, distinct_count, tau, weight_max, n_in_min, n_in_max), in a list: see sample and
--          candidate_floor; tau is the (k + 1)-th smallest rank of single rows
--
-- (A one-element list binds what is used more than once: a macro's argument is computed, and bound, wherever it is named. Its names must
-- not be those of lambdas further in, which would catch them.)
CREATE OR REPLACE MACRO sample_candidates(rows, facts, is_exponential, is_every) AS
    list_transform(
        list_transform(facts, lambda known: {'facts': known, 'r_min': CASE WHEN is_every THEN 0::UBIGINT ELSE candidate_floor(known) END}),
        lambda bound: CASE
            WHEN bound.facts.row_count = bound.facts.distinct_count
            THEN walk_singles(list_filter(rows, lambda row: row.r >= bound.r_min), bound.facts.tau, is_exponential, is_every)
            ELSE sample(
                list_filter(rows, lambda row: row.r >= bound.r_min), bound.facts.k, bound.facts.row_count, bound.facts.oversize,
                true, is_exponential, is_every) END)[1];
