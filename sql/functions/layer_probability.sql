-- layer_probability(n_in, tau, weight, n_in_unit, is_exponential): the probability of a row by a walk that stopped at tau (NULL: at
-- nothing), capped by what it came with.
--
-- weight, n_in_unit   the weight and input probability that its unit ranks with
CREATE OR REPLACE MACRO layer_probability(n_in, tau, weight, n_in_unit, is_exponential) AS
    CASE WHEN tau IS NULL THEN probability_of(n_in)
         WHEN is_exponential THEN least(probability_of(n_in), exponential_bound(tau, weight, n_in_unit) / pow(2, 56))
         ELSE least(probability_of(n_in), inclusion_bound(tau, weight) / pow(2, 56)) END;
