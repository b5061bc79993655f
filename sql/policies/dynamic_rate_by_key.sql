-- description: Rates by key from a moving average of what came, like Refinery's EMADynamicSampler: about a tenth overall, rare keys whole.
-- history: concat_ws(' ', root_service, root_name, root_status_code)
-- For: those who come from Refinery, and traffic whose keys are many and of very different size.
-- Adapt: the key, in both places (few values: not ids); a tenth (/ 10); the weight of a window (0.5).
-- Costs: about a tenth of the traces in the long run, less where many keys are rare. A burst is kept at the old rates for one window, where
--   Refinery adjusts at once; rates need not be whole numbers here.
-- Each earlier window weighs half of the one after it. The goal of a tenth is shared among keys by the logarithm of their numbers, so
-- frequent ones are kept at lower rates; a key that is new is kept whole, for one window.
WITH average AS (
    SELECT key, sum(arrivals * 0.5 * power(0.5, age - 1)) AS n FROM history GROUP BY key
), shared AS (
    SELECT key, n, sum(n) OVER () / 10 * ln(1 + n) / sum(ln(1 + n)) OVER () AS goal FROM average
)
SELECT t.trace_id, coalesce(least(1, greatest(s.goal, 1) / s.n), 1) AS probability
FROM traces t LEFT JOIN shared s ON s.key = concat_ws(' ', t.root_service, t.root_name, t.root_status_code)
