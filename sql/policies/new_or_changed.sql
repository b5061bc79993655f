-- description: All of an operation that is new, half of one that comes three times as often or as seldom as it did, a fiftieth of the rest.
-- history: concat_ws(' ', root_service, root_name)
-- For: deployments, incidents and new clients: what is not as it was is kept more of.
-- Adapt: the three rates, and 3 and 0.33, how much is a change; the key.
-- Costs: when everything surges, half of it. At the start everything is new, for one window.
WITH usual AS (
    SELECT key, sum(arrivals) / max(age) AS n FROM history GROUP BY key
), now AS (
    SELECT concat_ws(' ', root_service, root_name) AS key, sum(adjusted_count) AS n FROM traces GROUP BY ALL
), rates AS (
    SELECT now.key, CASE WHEN usual.n IS NULL THEN 1.0 WHEN now.n / usual.n BETWEEN 0.33 AND 3 THEN 0.02 ELSE 0.5 END AS p
    FROM now LEFT JOIN usual USING (key)
)
SELECT t.trace_id, r.p AS probability
FROM traces t JOIN rates r ON r.key = concat_ws(' ', t.root_service, t.root_name)
