-- layer_probability(n_in, tau, weight): the probability of a row taken by a walk that stopped at tau (NULL: at nothing),
-- capped by what it came with.
CREATE OR REPLACE MACRO layer_probability(n_in, tau, weight) AS
    CASE WHEN tau IS NULL THEN probability_of(n_in)
         ELSE least(probability_of(n_in), inclusion_bound(tau, weight) / pow(2, 56)) END;
