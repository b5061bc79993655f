-- Keeps every failed trace and every trace that took longer than 2 seconds; of the rest, 100 per service of the root span
-- and window, each trace standing for what it stood for when it came.
SELECT trace_id, 1.0 AS probability
FROM traces
WHERE has_error OR duration > INTERVAL 2 SECONDS
UNION ALL
SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 100), recursive := true)
FROM traces
GROUP BY root_service
