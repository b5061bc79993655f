-- description: Traces slower than nine in ten of their operation were in earlier windows, half of them; a hundredth of the rest.
-- history: concat_ws(' ', root_service, root_name)
-- history_value: duration_time_unix_nano / 1e6
-- For: operations that take a millisecond beside some that take minutes; one limit for all would be wrong for both.
-- Adapt: the percentile (value_p95, value_p99), the two rates, the key.
-- Costs: about 6 % of the traces: half of a tenth and a hundredth of the rest.
WITH usual AS (
    SELECT key, sum(value_p90 * arrivals) / sum(arrivals) AS slow_ms FROM history GROUP BY key
)
SELECT t.trace_id, CASE WHEN t.duration_time_unix_nano / 1e6 > u.slow_ms THEN 0.5 ELSE 0.01 END AS probability
FROM traces t LEFT JOIN usual u ON u.key = concat_ws(' ', t.root_service, t.root_name)
