-- description: A hundredth of everything, and at least 5 traces a window of every operation that came.
-- For: endpoints that are called once an hour beside some that are called a thousand times a second; none is ever missing.
-- Adapt: the floor (5), the share (0.01), what an operation is (add attributes['http.route'], root_status_code).
-- Costs: a hundredth of the load, and 5 traces an operation and window; names with ids in them make every trace an operation.
SELECT unnest(rare_floor(item, 5, 0.01), recursive := true)
FROM traces
GROUP BY root_service, root_name
