-- description: 100 log records per service and window, each standing for what it stood for when it came.
-- For: logs of services that differ much in how talkative they are. Written for OTAP's star tables: the weight is the adjusted count that
--   a record already carries as an attribute (a double as Thresher writes it, else text), 1 where it carries none. Records of
--   resources without service.name are one group of their own.
-- Adapt: 100. With views it is: SELECT unnest(bottom_k(item, 100), recursive := true) FROM logs GROUP BY service_name
-- Costs: records of one trace go together, so a trace of more than 100 records is sampled record by record.
WITH logs_with_existing_weights AS (
    SELECT l.id, ra.str AS service_name,
           COALESCE((SELECT COALESCE(la."double", la."int", TRY_CAST(la.str AS DOUBLE)) FROM log_attributes la
                     WHERE la.parent_id = l.id AND la.key = 'sampling.adjusted_count' LIMIT 1),
                    1.0) AS input_weight
    FROM logs l LEFT JOIN resource_attributes ra ON l.resource_id = ra.parent_id AND ra.key = 'service.name'
)
SELECT service_name, weighted_reservoir_sample(STRUCT(id, input_weight), 100) AS sample_decisions
FROM logs_with_existing_weights GROUP BY service_name;
