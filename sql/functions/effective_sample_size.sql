-- effective_sample_size(adjusted_count, unit): aggregate. How many units of equal counts would say as much as the kept ones do:
-- (sum of A)^2 / sum of A^2, A the sum of a unit's counts. DOUBLE, NULL where there are no rows.
--
-- unit  as for ht_variance
--
-- A percentile or mean from rows of which one stands for half of all is worth little, however many rows there are. Usable by itself
-- in any DuckDB.
-- Source: Kish, "Survey Sampling", 1965, section 11.7.
-- Example: SELECT service_name, effective_sample_size(adjusted_count, trace_id) FROM spans GROUP BY service_name
CREATE OR REPLACE MACRO effective_sample_size(adjusted_count, unit) AS
    effective_size_of(list({'a': adjusted_count::DOUBLE, 'unit': unit}));
