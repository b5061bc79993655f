-- budget_group(item, weight, size, budget, oversize, is_every): the aggregate behind samples within a budget. Parameters as in sample_group;
-- size   a checked size, BIGINT
CREATE OR REPLACE MACRO budget_group(item, weight, size, budget, oversize, is_every) AS
    sample(
        list({'key': item."key", 'r': item.r, 'n_in': item.n_in, 'weight': weight, 'size': size}) FILTER (WHERE item IS NOT NULL),
        budget, (sum(size) FILTER (WHERE item IS NOT NULL))::BIGINT, oversize, false, false, is_every);
