-- description: A uniform sample of each window's traces that comes to at most 5 MB, at 500 bytes a span.
-- For: a bill or a link that must not be exceeded whatever comes; in a quiet window all is kept.
-- Adapt: 500, the bytes of a span: thresher_policy_bytes_kept_total over thresher_policy_items_kept_total, or `thresher policy diff`; the
--   budget, in bytes a window. For one budget a service: GROUP BY root_service.
-- Costs: one sort of the window's traces. A trace larger than the whole budget is sampled span by span (`oversize := 'drop'` leaves it out).
SELECT unnest(budget_sample(item, span_count * 500, 5000000), recursive := true)
FROM traces
