-- description: 100 traces a window of a service; what quiet windows leave over is carried on, for five windows. Never less than 10, or totals would lack windows.
-- history: coalesce(root_service, '')
-- history_windows: 5
-- For: a budget a window that a burst after a quiet time may exceed, and the sum of windows may not.
-- Adapt: 100, and the least of 10, in both places; the key; for how many windows a budget is carried (history_windows).
-- Costs: at most 600 traces of a service in the window after five empty ones.
WITH spent AS (
    SELECT key, sum(kept) AS n, max(age) AS windows FROM history GROUP BY key
), now AS (
    SELECT coalesce(root_service, '') AS key, sum(adjusted_count) AS n FROM traces GROUP BY ALL
), rates AS (
    SELECT now.key, least(1, greatest(10, 100 * (1 + coalesce(spent.windows, 0)) - coalesce(spent.n, 0)) / now.n) AS p
    FROM now LEFT JOIN spent USING (key)
)
SELECT t.trace_id, r.p AS probability
FROM traces t JOIN rates r ON r.key = coalesce(t.root_service, '')
