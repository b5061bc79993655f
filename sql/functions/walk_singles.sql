-- walk_singles(candidates, tau, is_exponential, is_every): what sample gives for a group in which every R occurs once, without the walk over
-- units.
--
-- candidates  list of STRUCT(key, r, n_in, weight, size), sizes 1
-- tau         the (k + 1)-th smallest rank, NULL when there are fewer rows
CREATE OR REPLACE MACRO walk_singles(candidates, tau, is_exponential, is_every) AS
    list_transform(
        list_filter(candidates, lambda row:
            is_every OR tau IS NULL OR rank_of(n_of(row.r), row.n_in, row.weight, is_exponential) < tau),
        lambda row: named(row."key", layer_probability(row.n_in, tau, row.weight, row.n_in, is_exponential)));
