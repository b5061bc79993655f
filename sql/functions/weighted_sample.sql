CREATE OR REPLACE MACRO weighted_sample(item, weight, k) AS
    sample_group(item, CASE WHEN item IS NOT NULL THEN checked_weight(weight) * (item.n_in / pow(2, 56)) END, k);
