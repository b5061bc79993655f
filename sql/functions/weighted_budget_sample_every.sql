-- weighted_budget_sample_every(item, weight, size, budget, oversize := 'split'), weighted_budget_sample_every(row, budget): aggregate. weighted_budget_sample that names EVERY row of the
-- group with its probability: see bottom_k_every.
--
-- Source: as weighted_budget_sample
-- Example: SELECT unnest(weighted_budget_sample_every(item, adjusted_count, span_count, 10000), recursive := true) FROM traces
CREATE OR REPLACE MACRO weighted_budget_sample_every
    (item, weight, size, budget, oversize := 'split') AS budget_group(
        item_of(CASE WHEN true THEN item END), own_weight(item_of(CASE WHEN true THEN item END), weight), sized(item, size),
        checked_budget(budget), checked_oversize(oversize), true),
    ("row", budget) AS budget_group(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END),
        own_weight(item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), struct_extract_at("row", 2)),
        sized(struct_extract_at("row", 1), struct_extract_at("row", 3)), checked_budget(budget), 'split', true);
