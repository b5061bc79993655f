-- description: 100 traces a window of every service that a trace begins in, each an equal chance; a service with fewer keeps them all.
-- For: services of very different size, each of which should be seen, and an output that does not grow with the load.
-- Adapt: 100; the group (GROUP BY root_service, root_name). For 100 of every service that takes part in a trace, and not just begins it:
--   SELECT unnest(stratified_sample(item, services, 100), recursive := true) FROM traces
-- Costs: at most 100 traces a service and window, about 0.2 s a million traces.
SELECT unnest(bottom_k(item, 100), recursive := true)
FROM traces
GROUP BY root_service
