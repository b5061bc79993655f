-- oversize_rows(item, size, budget): aggregate. How many rows of the group lie in units (rows of equal randomness) that are larger than the budget,
-- BIGINT: those that a budget_sample, or with size 1 and budget k a bottom_k or reservoir, treats by `oversize`.
--
-- Source: sampling.md, rule 14
-- Example: SELECT service_name, oversize_rows(item, 1, 100) AS oversize FROM logs GROUP BY service_name
CREATE OR REPLACE MACRO oversize_rows(item, size, budget) AS
    list_transform(
        [in_order(list({'r': item_of(item).r, 'n_in': item_of(item).n_in, 'weight': 1::DOUBLE, 'size': sized(item, size)})
            FILTER (WHERE item IS NOT NULL))],
        lambda ordered: coalesce(list_sum(list_transform(
            list_filter(
                layers_of(ordered, scan(list_transform(ordered, lambda row: row.size), false), false),
                lambda layer: layer.seen > checked_budget(budget)),
            lambda layer: layer.last - layer.first + 1)), 0)::BIGINT)[1];
