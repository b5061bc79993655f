-- candidate_floor(facts): only rows with R at least this (UBIGINT) can matter to a walk of k; 0 where nothing
-- can be said. A shortcut: it changes no result.
--
-- facts   STRUCT(k, row_count, distinct_count, tau, weight_max, n_in_min, n_in_max), tau the (k + 1)-th smallest rank of single rows,
--         NULL when there are fewer
--
-- With no unit above k rows (row_count - distinct_count < k) and no unit of different thresholds, the walk stops at tau or
-- before: those k + 1 rows all lie in units that rank no later. Any unit up to tau has N <= tau * weight_max, and all its rows share that N,
-- so units stay whole. The exponential rank of a row is never less than its N / weight.
-- (The 2^-40 covers the roundings.)
CREATE OR REPLACE MACRO candidate_floor(facts) AS
    CASE WHEN facts.tau IS NOT NULL
              AND facts.row_count - facts.distinct_count < facts.k
              AND (facts.row_count = facts.distinct_count OR facts.n_in_min = facts.n_in_max)
         THEN greatest(0, pow(2, 56) - facts.tau * facts.weight_max * (1 + pow(2, -40)) - 16)::UBIGINT
         ELSE 0::UBIGINT END;
