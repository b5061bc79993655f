-- budget_sample(item, size, budget, oversize := 'split'), budget_sample(row, budget): aggregate. A uniform sample of the group whose sizes come to no
-- more than the budget: bytes, spans, or whatever `size` counts.
--
-- item     the `item` column of a view, or the `id` of logs or spans
-- size     what the row takes of the budget: a whole number from 0 to 2^40, else an error
-- budget   from 1 to 2^53
-- row      a STRUCT of item or id, and size, by position
-- oversize what becomes of a unit larger than the budget, a single row too: as in bottom_k, with q = min(1, budget / size of the group) for
--          'split'
-- returns  as bottom_k
--
-- The walk takes rows of equal randomness whole and STOPS at the first unit that overflows, whose rank is the threshold: taking a smaller one
-- further on would fill the budget and bias every count (1.90 in simulation). So a group gives the budget less about one unit, as
-- large as units come weighted by their size. Any unit of the group takes part, so what it gives varies with sizes; p does not
-- depend on size: for more of the small ones see weighted_budget_sample.
--
-- Source: sampling.md, rules 13 to 15; adaptive threshold sampling: Ting, "Adaptive threshold sampling", SIGMOD 2022.
-- Example: SELECT unnest(budget_sample(item, span_count, 10000), recursive := true) FROM traces GROUP BY root_service
CREATE OR REPLACE MACRO budget_sample
    (item, size, budget, oversize := 'split') AS budget_group(
        item_of(CASE WHEN true THEN item END), 1::DOUBLE, sized(item, size), checked_budget(budget), checked_oversize(oversize), false),
    ("row", budget) AS budget_group(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), 1::DOUBLE,
        sized(struct_extract_at("row", 1), struct_extract_at("row", 2)), checked_budget(budget), 'split', false);
