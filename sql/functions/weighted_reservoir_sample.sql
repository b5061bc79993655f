-- weighted_reservoir_sample(item, weight, k, oversize := 'split'), weighted_reservoir_sample(row, k): aggregate. A sample of about k rows of the
-- group, each with a probability proportional to its weight (as far as 1 allows): priority sampling.
--
-- item     the `item` column of a view, or the `id` of logs or spans
-- weight   what the row stands for: adjusted_count, times a value of the author's where that is what estimates are about
--          (adjusted_count * bytes). Positive and finite, else an error.
-- row      a STRUCT of item or id, and weight, by position: STRUCT(id, input_weight)
-- k        how many rows at most, 1 to 900000
-- oversize as in bottom_k
-- returns  as bottom_k, negative probabilities and units of equal randomness included; a unit ranks by its greatest weight
--
-- Source: sampling.md, rules 12 to 14; Duffield, Lund, Thorup, "Priority sampling for estimation of arbitrary subset sums", JACM
-- 54(6), 2007.
-- Example: SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 100), recursive := true) FROM traces GROUP BY root_service
CREATE OR REPLACE MACRO weighted_reservoir_sample
    (item, weight, k, oversize := 'split') AS weighted_sample(
        item_of(CASE WHEN true THEN item END), weight, checked_sample_size(k), checked_oversize(oversize), false, false),
    ("row", k) AS weighted_sample(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), struct_extract_at("row", 2), checked_sample_size(k), 'split', false, false);
