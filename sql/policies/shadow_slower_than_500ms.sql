-- description: What would be kept if traces slower than 500 ms were kept too. A shadow: it is run and counted, and changes nothing.
-- mode: shadow
-- For: trying a policy out on what really comes, beside those that decide.
-- Adapt: put `-- mode: shadow` over any policy. Then read thresher_policy_items_marginal_total, thresher_policy_bytes_kept_total and
--   thresher_policy_duration_seconds of it: what it would add, and what it takes.
-- Costs: its time, and the columns that it reads.
SELECT trace_id, 1.0 AS probability
FROM traces
WHERE duration > INTERVAL 500 MILLISECONDS
