-- weighted_sample(item, weight, k): weighted_reservoir_sample of an item in its STRUCT form. W = weight * p_in is the author's value
-- alone: the weight holds the input's adjusted count 1 / p_in, and a rank by u' / weight = u / W must not apply it twice
-- (sampling.md, rules 12 and 13).
CREATE OR REPLACE MACRO weighted_sample(item, weight, k) AS
    sample_group(item, CASE WHEN item IS NOT NULL THEN checked_weight(weight) * (item.n_in / pow(2, 56)) END, k);
