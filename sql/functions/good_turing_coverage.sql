-- good_turing_coverage("key"): aggregate over rows that are NOT sampled. Which share of what is still to come has a key that was seen:
-- 1 - f1 / n, f1 the keys that were seen once, n the rows. DOUBLE, NULL where there are no rows. For sampled rows: coverage.
--
-- Source: Good, "The population frequencies of species and the estimation of population parameters", Biometrika 40, 1953.
-- Example: SELECT good_turing_coverage(root_name) FROM traces
CREATE OR REPLACE MACRO good_turing_coverage("key") AS
    1 - len(list_filter(map_values(histogram("key")), lambda rows: rows = 1)) / nullif(count("key"), 0)::DOUBLE;
