-- Keeps about a tenth of the benchmark's log records by severity and one attribute.
SELECT id, CASE WHEN severity_number >= 17 AND attributes['latency_ms'] > 900 THEN 1.0 ELSE 0.08 END AS probability FROM logs
