-- description: Keeps nothing of health checks that succeed, whatever other policies say.
-- mode: drop
-- For: probes of load balancers and of Kubernetes, which are many and all alike. Those that fail go to the other policies.
-- Adapt: paths and names as yours have them; a probability in place of none (`SELECT trace_id, 0.001 AS probability`) keeps them countable.
-- Costs: nothing: what is dropped is not seen by other policies and uses none of their budgets. It is in no total, either.
SELECT trace_id
FROM traces
WHERE NOT has_error AND (
    attributes['url.path'] IN ('/healthz', '/livez', '/readyz', '/health', '/ping')
    OR attributes['user_agent.original'] LIKE 'kube-probe/%'
    OR root_name = 'grpc.health.v1.Health/Check'
)
