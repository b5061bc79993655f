-- candidate_floor(k, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max): only rows with R at least this (UBIGINT)
-- can matter to a walk of k; 0 where nothing can be said. A shortcut: it changes no result.
--
-- rank_k1  the (k + 1)-th smallest N / weight of single rows; NULL when there are fewer rows
--
-- With no unit above k rows (row_count - distinct_count < k) and no unit of different thresholds, tau is at most rank_k1:
-- those k + 1 rows all lie in units that rank no later. Any unit up to tau has N <= tau * weight_max, and all its rows share that N,
-- so units stay whole. (The 2^-40 covers the roundings.)
CREATE OR REPLACE MACRO candidate_floor(k, row_count, distinct_count, rank_k1, weight_max, n_in_min, n_in_max) AS
    CASE WHEN rank_k1 IS NOT NULL
              AND row_count - distinct_count < k
              AND (row_count = distinct_count OR n_in_min = n_in_max)
         THEN greatest(0, pow(2, 56) - rank_k1 * weight_max * (1 + pow(2, -40)) - 16)::UBIGINT
         ELSE 0::UBIGINT END;
