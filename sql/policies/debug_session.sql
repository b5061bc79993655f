-- description: Every trace of a debug session: one of its spans has the attribute debug.session, whatever its value.
-- For: following one user, tenant or test run from end to end. Set the key in baggage and have a baggage span processor copy it to spans.
-- Adapt: the key, or a value of it (attributes['enduser.id'] = 'u-4711'). It adds to other policies: they sample all the rest.
-- Costs: what is flagged, all of it. Clients that set baggage can make you keep anything: take the key from those you trust,
--   or limit it with a drop policy of the same condition and a probability.
SELECT trace_id, 1.0 AS probability
FROM spans
WHERE attributes['debug.session'] IS NOT NULL
