-- rate_limit(n_per_second), rate_limit(n_per_second, key): row function. The probability at which about n rows a second, of each
-- key where one is given, are kept in expectation: one p for all rows of the SELECT (after its WHERE) that share the key.
--
-- In a policy the compiler passes the item of the view that the SELECT reads, and the window's length. What it stands for, and may be
-- written by hand, is rate_limit(item, n_per_second, key, seconds) with `(SELECT seconds FROM this_window)`.
--
-- n_per_second  from 0, else an error
-- key           any value; rows whose key is NULL are one group
-- returns       DOUBLE; a row that came with less than that leaves as it came
--
-- p = n * seconds / (sum of the rows' adjusted counts), more where rows came with less than p: these are kept for sure, see
-- shared_probability. It comes from what arrived and how it was sampled before, and never from what was kept, so that it depends
-- on nobody's randomness among the arrivals (in the spirit of sampling.md, rule 18). n is met in expectation: a window may
-- keep some more. Where n is a strict limit write bottom_k(item, n * seconds).
--
-- Example: SELECT trace_id, rate_limit(10, root_service) AS probability FROM traces
CREATE OR REPLACE MACRO rate_limit(item, n_per_second, "key", seconds) AS
    shared_probability(
        histogram(weight_class(1 / input_fraction_of(CASE WHEN true THEN item END))) OVER (PARTITION BY "key"),
        sum(1 / input_fraction_of(CASE WHEN true THEN item END)) OVER (PARTITION BY "key"),
        checked_rate(n_per_second) * seconds);
