-- sample_group(item, weight, k): the aggregate that every sampling function is: the rows of a group that a sample of k names.
--
-- weight   W, the author's value alone (sampling.md, rule 13), DOUBLE; rows whose item is NULL are skipped, as aggregates do
-- returns  list of STRUCT(trace_id | id, probability DOUBLE)
CREATE OR REPLACE MACRO sample_group(item, weight, k) AS
    sample_candidates(
        list({'key': item."key", 'r': item.r, 'n_in': item.n_in, 'weight': weight}) FILTER (WHERE item IS NOT NULL),
        k, count(item), count(DISTINCT item.r), min(n_of(item.r) / weight, k + 1)[k + 1],
        max(weight), min(item.n_in), max(item.n_in));
