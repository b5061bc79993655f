-- description: Every log record of level warning and above, and a tenth of the rest.
-- For: logs whose levels mean something. Records of one trace go together: they share its randomness.
-- Adapt: the level (5 debug, 9 info, 13 warning, 17 error) and the share; proportional(0.1) in place of 0.1 takes a tenth of what came sampled too.
-- Costs: all warnings: a service that warns of everything keeps everything.
SELECT id, CASE WHEN severity_number >= 13 THEN 1.0 ELSE 0.1 END AS probability
FROM logs
