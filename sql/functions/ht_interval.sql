-- ht_interval(adjusted_count, value, unit): aggregate. The 95 % confidence interval of ht_total, STRUCT(low DOUBLE, high DOUBLE).
-- Parameters as for ht_variance.
--
-- All X with (total - X)^2 <= 1.96^2 * V * X / total, V = ht_variance: the score interval, which takes the variance as it
-- would be if X were the truth, since a sample that came out small also thinks that its variance is small. It never goes
-- below zero. Where values are negative it is total -+ 1.96 * sqrt(V).
--
-- Holds when many units were kept, some dozens, and no few of them carry the sum; then it covers the truth in 94 to 96 % of
-- windows (total -+ 1.96 * sqrt(V) in 92 to 94.5 %). With a handful of kept units no interval is worth the name.
--
-- Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927, applied to totals.
-- (DuckDB 1.5 cannot unnest it where it is computed: name it in a subquery, as here.)
--
-- Example: SELECT service_name, i.low, i.high
--          FROM (SELECT service_name, ht_interval(adjusted_count, 1, trace_id) AS i FROM spans GROUP BY service_name)
CREATE OR REPLACE MACRO ht_interval(adjusted_count, value, unit) AS
    score_interval(ht_total(adjusted_count, value), ht_variance(adjusted_count, value, unit), min(value) >= 0);
