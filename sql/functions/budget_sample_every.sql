-- budget_sample_every(item, size, budget, oversize := 'split'), budget_sample_every(row, budget): aggregate. budget_sample that names EVERY row of the
-- group with its probability: see bottom_k_every.
--
-- Source: as budget_sample
-- Example: SELECT unnest(budget_sample_every(item, span_count, 10000), recursive := true) FROM traces GROUP BY root_service
CREATE OR REPLACE MACRO budget_sample_every
    (item, size, budget, oversize := 'split') AS budget_group(
        item_of(CASE WHEN true THEN item END), 1::DOUBLE, sized(item, size), checked_budget(budget), checked_oversize(oversize), true),
    ("row", budget) AS budget_group(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), 1::DOUBLE,
        sized(struct_extract_at("row", 1), struct_extract_at("row", 2)), checked_budget(budget), 'split', true);
