-- layers_of(ordered, sums, is_exponential): what in_order gave as units and their layers, one
-- STRUCT(n_in, first, last, weight, n_in_unit, rank, size, seen, deepest) a layer.
--
-- sums         running sums of the sizes of `ordered`
-- first, last  the layer's rows, as 1-based positions in `ordered`
-- weight       the unit's: the greatest of its most-sampled rows (sampling.md, rule 14); n_in_unit is what those came with, and
--              rank, the order of the walk, goes by the two
-- size         of the whole unit, the sum of its rows'; seen: of its rows up to this layer, those with at least the layer's n_in
-- deepest      whether it is the unit's last layer; most units have but one
CREATE OR REPLACE MACRO layers_of(ordered, sums, is_exponential) AS
    list_transform(
        [{'rows': ordered, 'sums': sums, 'lasts': run_ends(list_transform(ordered, lambda row: {'n': row.n, 't_in': row.t_in}))}],
        lambda a: list_transform(
            [{'rows': a.rows,
              'sums': a.sums,
              'lasts': a.lasts,
              'firsts': list_concat([1::BIGINT], list_transform(a.lasts[:-2], lambda last: last + 1)),
              'ends': list_select(a.rows, a.lasts)}],
            lambda b: list_transform(
                [{'b': b, 'units': run_bounds(run_ends(list_transform(b.ends, lambda row: row.n)))}],
                lambda c: list_transform(
                    [{'b': c.b,
                      'heads': list_select(c.b.firsts, list_transform(c.units, lambda unit: unit.head)),
                      'tails': list_select(c.b.lasts, list_transform(c.units, lambda unit: unit.tail))}],
                    lambda d: list_transform(
                        list_zip(
                            d.b.ends, d.b.firsts, d.b.lasts, d.tails,
                            list_select(d.b.rows, d.heads), list_select(d.b.sums, d.heads),
                            list_select(d.b.sums, d.b.lasts), list_select(d.b.sums, d.tails)),
                        lambda one: {
                            'n_in': n_of(one[1].t_in),
                            'first': one[2],
                            'last': one[3],
                            'weight': -one[5].negative_weight,
                            'n_in_unit': n_of(one[5].t_in),
                            'rank': rank_of(one[1].n, n_of(one[5].t_in), -one[5].negative_weight, is_exponential),
                            'size': one[8] - one[6] + one[5].size,
                            'seen': one[7] - one[6] + one[5].size,
                            'deepest': one[3] = one[4]}))[1])[1])[1])[1];
