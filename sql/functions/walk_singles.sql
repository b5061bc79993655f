-- walk_singles(candidates, tau): what sample gives for a group in which every R occurs once, without the walk over units.
--
-- candidates  list of STRUCT(key, r, n_in, weight)
-- tau         the (k + 1)-th smallest N / weight, NULL when there are fewer rows
CREATE OR REPLACE MACRO walk_singles(candidates, tau) AS
    list_transform(
        list_filter(candidates, lambda row: tau IS NULL OR n_of(row.r) / row.weight < tau),
        lambda row: named(row."key", layer_probability(row.n_in, tau, row.weight)));
