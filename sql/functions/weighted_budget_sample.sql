-- weighted_budget_sample(item, weight, size, budget, oversize := 'split'), weighted_budget_sample(row, budget): aggregate. budget_sample with ranks by weight,
-- as weighted_reservoir_sample has them: a row's probability is proportional to its weight as far as 1 allows.
--
-- weight   as in weighted_reservoir_sample
-- row      a STRUCT of item or id, weight and size, by position; the others as in budget_sample
--
-- Source: as budget_sample, with the ranks of weighted_reservoir_sample
-- Example: SELECT unnest(weighted_budget_sample(item, adjusted_count * (1 + error_count), span_count, 10000), recursive := true) FROM traces
CREATE OR REPLACE MACRO weighted_budget_sample
    (item, weight, size, budget, oversize := 'split') AS budget_group(
        item_of(CASE WHEN true THEN item END), own_weight(item_of(CASE WHEN true THEN item END), weight), sized(item, size),
        checked_budget(budget), checked_oversize(oversize), false),
    ("row", budget) AS budget_group(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END),
        own_weight(item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), struct_extract_at("row", 2)),
        sized(struct_extract_at("row", 1), struct_extract_at("row", 3)), checked_budget(budget), 'split', false);
