-- verdict(walked, budget, total, oversize, is_exponential): the probability that a layer's rows are named with; NULL: not at all.
--
-- walked     one of what walk gave
-- total      size of all rows of the group, those that a shortcut left out among them
-- The NEGATIVE probability -q, q = min(1, budget / total), asks the engine to keep rows by a hash of their own: see bottom_k. The
-- total counts a unit as what is there of it whenever the row is.
CREATE OR REPLACE MACRO verdict(walked, budget, total, oversize, is_exponential) AS
    CASE WHEN NOT walked.is_oversize
         THEN layer_probability(walked.layer.n_in, walked.tau, walked.layer.weight, walked.layer.n_in_unit, is_exponential)
         WHEN oversize = 'split' THEN -least(1, budget / (total - walked.layer.size + walked.layer.seen))
         WHEN oversize = 'keep' THEN probability_of(walked.layer.n_in) END;
