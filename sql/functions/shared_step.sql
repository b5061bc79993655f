-- shared_step(found): one step of shared_probability, from p to the probability at which just the rows that p keeps for
-- sure are: a list of one STRUCT(weights, rows, totals, wanted, p), its lists in order of weight, to the same with p raised.
--
-- (Lists of one bind what is used more than once: DuckDB would compute it each time, and in lambdas for each element.)
CREATE OR REPLACE MACRO shared_step(found) AS
    list_transform(
        list_transform(
            found,
            lambda before: {'found': before, 'kept_for_sure': list_position(list_transform(before.weights, lambda weight: weight * before.p >= 1), true)}),
        lambda one: {
            'weights': one.found.weights, 'rows': one.found.rows, 'totals': one.found.totals, 'wanted': one.found.wanted,
            'p': CASE WHEN one.kept_for_sure > 1
                      THEN (one.found.wanted - list_sum(one.found.rows[one.kept_for_sure:])) / list_sum(one.found.totals[:one.kept_for_sure - 1])
                      ELSE one.found.p END});
