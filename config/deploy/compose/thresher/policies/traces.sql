-- Every failed or slow trace; of the rest, 10 a service and window. Change it while it runs: it takes over at the next window.
SELECT trace_id, 1.0 AS probability
FROM traces
WHERE has_error OR duration > INTERVAL 2 SECONDS
UNION ALL
SELECT unnest(bottom_k(item, 10), recursive := true)
FROM traces
GROUP BY root_service
