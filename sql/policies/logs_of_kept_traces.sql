-- description: The log records of the traces that were kept, each with the probability of its trace.
-- For: traces and logs that belong together, with right totals of both.
-- Adapt: WHERE for some of them; UNION ALL for records outside of traces, which this leaves out: SELECT id, 0.1 FROM logs WHERE trace_id IS NULL
-- Costs: records wait for the windows of traces that theirs overlaps (docs/policies.md, "Logs of kept traces").
SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)
