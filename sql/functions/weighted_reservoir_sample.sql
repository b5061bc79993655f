CREATE OR REPLACE MACRO weighted_reservoir_sample
    (item, weight, k) AS weighted_sample(item_of(CASE WHEN true THEN item END), weight, checked_sample_size(k)),
    (s, k) AS weighted_sample(item_of(CASE WHEN true THEN struct_extract_at(s, 1) END), struct_extract_at(s, 2), checked_sample_size(k));
