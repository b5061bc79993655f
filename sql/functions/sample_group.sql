-- sample_group(item, weight, k, oversize, is_exponential, is_every): the aggregate behind the samples of k rows.
--
-- weight   W, the author's value alone (sampling.md, rule 13), DOUBLE; rows whose item is NULL are skipped, as aggregates do
-- returns  list of STRUCT(trace_id | id, probability DOUBLE)
CREATE OR REPLACE MACRO sample_group(item, weight, k, oversize, is_exponential, is_every) AS
    sample_candidates(
        list({'key': item."key", 'r': item.r, 'n_in': item.n_in, 'weight': weight, 'size': 1::BIGINT}) FILTER (WHERE item IS NOT NULL),
        [{'k': k,
          'oversize': oversize,
          'row_count': count(item),
          'distinct_count': count(DISTINCT item.r),
          'tau': min(rank_of(n_of(item.r), item.n_in, weight, is_exponential), k + 1)[k + 1],
          'weight_max': max(weight),
          'n_in_min': min(item.n_in),
          'n_in_max': max(item.n_in)}],
        is_exponential, is_every);
