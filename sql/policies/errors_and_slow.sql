-- description: Every failed trace and every trace that took longer than 2 seconds; of the rest, 100 per service of the root span and window.
-- head_minimum: 0.1
-- For: a start. What one looks at is there, and totals of everything else are right.
-- Adapt: what is slow, and 100. Where operations differ much in what is slow for them, see slow_for_its_operation.sql.
--   With head sampling a tenth of all traces goes on being sent, so that failures are seen (head_minimum, docs/head.md).
-- Costs: all failures: when everything fails, everything is kept. A drop policy (WHERE has_error, probability 0.1) bounds it.
SELECT trace_id, 1.0 AS probability
FROM traces
WHERE has_error OR duration > INTERVAL 2 SECONDS
UNION ALL
SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 100), recursive := true)
FROM traces
GROUP BY root_service
