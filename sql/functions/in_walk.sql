-- in_walk(layers, budget): the units of a walk in order of rank, with the running sum of their sizes: a list of STRUCT(rank, sum).
-- Units larger than the budget are not in it.
CREATE OR REPLACE MACRO in_walk(layers, budget) AS
    list_transform(
        [list_sort(list_transform(
            list_filter(layers, lambda layer: layer.deepest AND layer.size <= budget),
            lambda unit: {'rank': unit.rank, 'size': unit.size}))],
        lambda units: list_transform(
            list_zip(units, scan(list_transform(units, lambda unit: unit.size), false)),
            lambda one: {'rank': one[1].rank, 'sum': one[2]}))[1];
