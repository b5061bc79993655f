-- weighted_reservoir_sample_every(item, weight, k, oversize := 'split'), weighted_reservoir_sample_every(row, k): aggregate. weighted_reservoir_sample that names EVERY row of the
-- group with its probability: see bottom_k_every.
--
-- Source: as weighted_reservoir_sample
-- Example: SELECT unnest(weighted_reservoir_sample_every(item, adjusted_count, 100), recursive := true) FROM traces GROUP BY root_service
CREATE OR REPLACE MACRO weighted_reservoir_sample_every
    (item, weight, k, oversize := 'split') AS weighted_sample(
        item_of(CASE WHEN true THEN item END), weight, checked_sample_size(k), checked_oversize(oversize), false, true),
    ("row", k) AS weighted_sample(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), struct_extract_at("row", 2), checked_sample_size(k), 'split', false, true);
