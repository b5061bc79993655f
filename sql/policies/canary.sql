-- description: Half of the traces that a canary takes part in, a twentieth of the others.
-- For: comparing a version that is being rolled out with the one before. Both are unbiased: compare rates and ratios of summed counts.
-- Adapt: the list. new_version.sql finds new versions by itself.
-- Costs: ten times as much of what the canary sees; at a share of 1 % of the load that is a tenth more.
WITH canary(service, version) AS (VALUES ('checkout', '2.1.0'), ('search', '7.0.0-rc1'))
SELECT s.trace_id, 0.5 AS probability
FROM spans s JOIN canary c ON s.service_name = c.service AND s.resource['service.version'] = c.version
UNION ALL
SELECT trace_id, 0.05
FROM traces
