-- ht_interval(adjusted_count, value, unit): aggregate. The 95 % confidence interval of ht_total: total -+ 1.96 * sqrt(ht_variance),
-- STRUCT(low DOUBLE, high DOUBLE). Parameters as for ht_variance.
--
-- Holds when many units were kept, some dozens, and no few of them carry the sum; then it covers the truth in 94 to 96 % of
-- windows. A key with one kept unit has no interval worth the name.
--
-- Example: SELECT service_name, unnest(ht_interval(adjusted_count, 1, trace_id)) FROM spans GROUP BY service_name
CREATE OR REPLACE MACRO ht_interval(adjusted_count, value, unit) AS {
    'low': ht_total(adjusted_count, value) - 1.959963984540054::DOUBLE * sqrt(ht_variance(adjusted_count, value, unit)),
    'high': ht_total(adjusted_count, value) + 1.959963984540054::DOUBLE * sqrt(ht_variance(adjusted_count, value, unit))};
