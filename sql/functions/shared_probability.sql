-- shared_probability(classes, weight_sum, wanted): the greatest p, one for all rows, with which about `wanted` of them are kept
-- in expectation: sum of min(1, p * weight) = wanted. DOUBLE in [0, 1].
--
-- classes     MAP of weight_class(weight) to rows, as histogram gives it (ascending)
-- weight_sum  the sum of the weights
--
-- A row of weight w = 1 / p_in is here already, so it is kept with min(1, p / p_in): rows with p_in <= p are kept for sure and take
-- one each of what is wanted. The sum is concave in p, so Newton's method climbs to the solution from below, and after
-- a few steps there is nothing left to climb; stopping early errs towards keeping less. Weights rounded up do so too, by 1/16 at most,
-- and nothing is rounded where no row is kept for sure.
CREATE OR REPLACE MACRO shared_probability(classes, weight_sum, wanted) AS
    CASE WHEN wanted / weight_sum * map_keys(classes)[-1] <= 1 OR cardinality(classes) = 1 THEN least(1, wanted / weight_sum)
         WHEN wanted >= list_sum(map_values(classes)) THEN 1
         ELSE least(1, shared_step(shared_step(shared_step(shared_step([{
             'weights': map_keys(classes), 'rows': map_values(classes),
             'totals': list_transform(map_entries(classes), lambda one: one."key" * one.value),
             'wanted': wanted, 'p': wanted / weight_sum}]))))[1].p) END;
