-- description: Of each service and window, log records of at most 1 MB: the bytes of their bodies, and 200 for the rest of a record.
-- For: one service that begins to log a hundred times as much, at the cost of nobody else.
-- Adapt: the budget, in bytes a window; 200, what a record takes beside its body.
-- Costs: reads every body, so they are copied at arrival; the records of one trace are kept or dropped together.
SELECT unnest(budget_sample(item, coalesce(strlen(body), 0) + 200, 1000000), recursive := true)
FROM logs
GROUP BY service_name
