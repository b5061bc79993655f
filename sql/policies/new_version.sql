-- description: Half of the traces that begin in a new version of a service, a twentieth of the rest.
-- history: concat_ws(chr(10), coalesce(root_service, ''), coalesce(resource['service.version'], ''))
-- history_windows: 60
-- For: rollouts that nobody declares. New is a version that was not there yet when the service first came, of the last 60 windows. So
--   nothing is new when Thresher or a service begins, and a version stops being new 60 windows after it came.
-- Adapt: history_windows, how long a version is new (60 windows of 10 s are 10 minutes); the two rates.
-- Costs: remembers one row a service, version and window. A version that seldom comes stays new.
WITH versions AS (
    SELECT key, max(age) AS age FROM history GROUP BY key
), services AS (
    SELECT split_part(key, chr(10), 1) AS service, max(age) AS age FROM versions GROUP BY ALL
)
SELECT t.trace_id, CASE WHEN coalesce(v.age, 0) < s.age THEN 0.5 ELSE 0.05 END AS probability
FROM traces t
LEFT JOIN services s ON s.service = coalesce(t.root_service, '')
LEFT JOIN versions v ON v.key = concat_ws(chr(10), coalesce(t.root_service, ''), coalesce(t.resource['service.version'], ''))
