-- budget_group(item, weight, size, budget, oversize, is_every): the aggregate behind samples within a budget. Parameters as in sample_group;
-- size   a checked size, BIGINT
CREATE OR REPLACE MACRO budget_group(item, weight, size, budget, oversize, is_every) AS
    list_transform(
        [{'rows': list({'key': item."key", 'r': item.r, 'n_in': item.n_in, 'weight': weight, 'size': size}) FILTER (WHERE item IS NOT NULL),
          'budget': budget,
          'oversize': oversize,
          'total': sum(size) FILTER (WHERE item IS NOT NULL)}],
        lambda bound: sample(bound.rows, bound.budget, bound.total::BIGINT, bound.oversize, false, false, is_every))[1];
