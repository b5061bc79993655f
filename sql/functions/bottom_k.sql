CREATE OR REPLACE MACRO bottom_k(item, k) AS
    sample_group(item_of(CASE WHEN true THEN item END), 1::DOUBLE, checked_sample_size(k));
