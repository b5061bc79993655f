-- layers_of(ordered): what in_order gave as units and their layers, one
-- STRUCT(n_in, first, last, weight, rank, size, seen, deepest) a layer.
--
-- first, last  the layer's rows, as 1-based positions in `ordered`
-- weight       the unit's: the greatest of its most-sampled rows (sampling.md, rule 14); rank = N / weight, the order of the walk
-- size         rows of the whole unit; seen: its rows up to this layer, those with at least the layer's n_in
-- deepest      whether it is the unit's last layer; most units have but one
CREATE OR REPLACE MACRO layers_of(ordered) AS
    list_transform(
        [{'rows': ordered, 'lasts': run_ends(list_transform(ordered, lambda row: {'n': row.n, 't_in': row.t_in}))}],
        lambda a: list_transform(
            [{'rows': a.rows,
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
                        list_zip(d.b.ends, d.b.firsts, d.b.lasts, d.heads, d.tails, list_select(d.b.rows, d.heads)),
                        lambda one: {
                            'n_in': n_of(one[1].t_in),
                            'first': one[2],
                            'last': one[3],
                            'weight': -one[6].negative_weight,
                            'rank': one[1].n / -one[6].negative_weight,
                            'size': one[5] - one[4] + 1,
                            'seen': one[3] - one[4] + 1,
                            'deepest': one[3] = one[5]}))[1])[1])[1])[1];
