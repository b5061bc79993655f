-- in_order(candidates): the rows of a group sorted so that units, and in them layers of equal input threshold, are runs:
-- a list of STRUCT(n, t_in, negative_weight, place, size), ascending.
--
-- candidates  list of STRUCT(key, r, n_in, weight, size), weight = the author's value alone (W of sampling.md, rule 13)
-- place       the row's 1-based position in `candidates`
CREATE OR REPLACE MACRO in_order(candidates) AS
    list_sort(list_transform(candidates, lambda row, place: {
        'n': n_of(row.r), 't_in': n_of(row.n_in), 'negative_weight': -row.weight, 'place': place, 'size': row.size}));
