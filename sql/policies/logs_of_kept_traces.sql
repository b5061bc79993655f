-- description: The log records of the traces that were kept, each with the probability of its trace.
SELECT l.id, k.probability FROM logs l JOIN kept_traces k USING (trace_id)
