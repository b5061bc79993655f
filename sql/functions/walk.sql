-- walk(layers, k, row_count): the layers that a sample of k names, as a list of STRUCT(first, last, probability).
--
-- layers     what layers_of gave
-- row_count  rows in the whole group, as many as the layers hold or more
--
-- The walk (sampling.md, rule 14) goes over the units in order of rank, counts rows and stops at the first unit that would
-- exceed k; its rank is tau and it is not taken. When every row has its unit's rank, tau is the (k + 1)-th smallest of the rows'
-- ranks: tau(k). A unit of more than k rows is not in the walk; its rows are named with the *negative* probability
-- -min(1, k / row_count): see bottom_k for what that asks of the engine.
--
-- A unit whose rows came with different thresholds shows only those with N <= n_in, so its size depends on its own N; a row
-- is therefore decided on the rows that are there whenever it is, `seen` many. Leave the unit out and walk with k - seen: that is
-- tau(k - seen + size), provided that no more than k - seen rows rank before the unit. For seen = size it is the plain walk.
CREATE OR REPLACE MACRO walk(layers, k, row_count) AS
    list_transform(
        list_transform([layers], lambda given: {
            'layers': given,
            'ranks': flatten(list_transform(
                list_sort(list_transform(
                    list_filter(given, lambda layer: layer.deepest AND layer.size <= k),
                    lambda unit: {'rank': unit.rank, 'size': unit.size})),
                lambda unit: repeat([unit.rank], unit.size)))}),
        lambda found: list_transform(
            list_filter(
                list_zip(
                    found.layers,
                    list_select(found.ranks, list_transform(found.layers, lambda layer:
                        greatest(0, k + 1 - layer.seen + CASE WHEN layer.size <= k THEN layer.size ELSE 0 END))),
                    list_select(found.ranks, list_transform(found.layers, lambda layer:
                        greatest(0, k + 1 - layer.seen)))),
                lambda one: one[1].seen > k
                    OR ((one[2] IS NULL OR one[1].rank < one[2]) AND (one[3] IS NULL OR one[1].rank <= one[3]))),
            lambda one: {
                'first': one[1].first,
                'last': one[1].last,
                'probability': CASE
                    WHEN one[1].seen > k THEN -least(1, k / (row_count - one[1].size + one[1].seen))
                    ELSE layer_probability(one[1].n_in, one[2], one[1].weight) END}))[1];
