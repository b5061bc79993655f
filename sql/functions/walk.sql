-- walk(layers, budget): every layer with what the walk over units says of it, as a list of
-- STRUCT(layer, is_oversize, is_taken, tau).
--
-- layers     what layers_of gave
-- is_taken   whether its rows are in the sample
-- tau        the rank that they had, or would have had, to stay below; NULL: any
--
-- The walk (sampling.md, rules 14 and 15) goes over the units in order of rank, adds up sizes and stops at the first unit that would
-- exceed the budget; its rank is tau and it is not taken. With sizes of one that is the (k + 1)-th smallest rank. A unit
-- larger than the budget is not in the walk: its rows go by `oversize` (see bottom_k).
--
-- A unit whose rows came with different thresholds shows only those with N <= n_in, so its size depends on its own N; a row
-- is therefore decided on the rows that are there whenever it is, `seen` much. Leave the unit out and walk with budget - seen: that is
-- the walk with budget - seen + size, provided that the unit ranks no later than where the walk with budget - seen stops. For
-- seen = size it is the plain walk.
CREATE OR REPLACE MACRO walk(layers, budget) AS
    list_transform(
        list_transform([layers], lambda given: {
            'whole': list_filter(given, lambda layer: layer.seen = layer.size AND layer.size <= budget),
            'oversize': list_filter(given, lambda layer: layer.seen > budget),
            'partial': list_filter(given, lambda layer: layer.seen <= budget AND (layer.seen < layer.size)),
            'units': in_walk(given, budget)}),
        lambda found: list_concat(
            list_transform(found.oversize, lambda layer: {
                'layer': layer, 'is_oversize': true, 'is_taken': false, 'tau': NULL::DOUBLE}),
            list_transform(
                list_transform([overflow_after(found.units, budget)], lambda tau: list_transform(found.whole, lambda layer: {
                    'layer': layer, 'is_oversize': false, 'is_taken': tau IS NULL OR layer.rank < tau, 'tau': tau}))[1],
                lambda one: one),
            list_transform(
                list_zip(
                    found.partial,
                    overflows_after(found.units, list_transform(found.partial, lambda layer:
                        budget - layer.seen + CASE WHEN layer.size <= budget THEN layer.size ELSE 0 END)),
                    overflows_after(found.units, list_transform(found.partial, lambda layer: budget - layer.seen))),
                lambda one: {
                    'layer': one[1],
                    'is_oversize': false,
                    'is_taken': (one[2] IS NULL OR one[1].rank < one[2]) AND (one[3] IS NULL OR one[1].rank <= one[3]),
                    'tau': CASE WHEN one[3] IS NULL OR one[1].rank <= one[3] THEN one[2] ELSE one[3] END})))[1];
