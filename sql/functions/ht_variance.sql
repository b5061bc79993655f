-- ht_variance(adjusted_count, value, unit): aggregate. The unbiased estimate of the variance of ht_total(adjusted_count, value).
--
-- unit     what was kept or dropped as one, by one randomness: the trace id (of spans, and of log records), something that every row has
--          for itself where rows are decided alone: the record's own id for records outside of traces and for those with a count
--          but no threshold. A NULL unit is a unit by itself.
-- returns  DOUBLE; 0 where there are no rows
--
-- A unit of equal counts a adds a * (a - 1) * (sum of its values)^2: summed per unit first, since its rows are kept together.
-- Rows of one unit may have come with different counts; two of them are both kept with the smaller probability, so that the pair
-- adds greatest(a, b) * (least(a, b) - 1) * x * y. Units add up: thresholds that are drawn from the data (bottom_k, priority
-- sampling, budgets) leave them uncorrelated. As the count is that of all stages, sampling before Thresher is in it.
--
-- Usable by itself in any DuckDB.
-- Source: Horvitz and Thompson 1952; Duffield, Lund, Thorup, "Priority sampling for estimation of arbitrary subset sums", JACM 54(6),
-- 2007, theorem 1 and section 2.4: the sum of w^ * (w^ - w); Ting, "Adaptive threshold sampling", 2022 (units and budgets).
-- Example: SELECT service_name, ht_variance(adjusted_count, 1, trace_id) FROM spans GROUP BY service_name
CREATE OR REPLACE MACRO ht_variance(adjusted_count, value, unit) AS
    ht_variance_of(list({'a': adjusted_count::DOUBLE, 'x': value::DOUBLE, 'unit': unit}));
