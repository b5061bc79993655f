-- rank_of(n, n_in, weight, is_exponential): the order of the walk, DOUBLE: N / W (priority sampling), or spread_of(N) / W
-- (Efraimidis-Spirakis). Both are the rule's rank times 2^56 (sampling.md, rule 12).
CREATE OR REPLACE MACRO rank_of(n, n_in, weight, is_exponential) AS
    CASE WHEN is_exponential THEN spread_of(n, n_in) / weight ELSE n / weight END;
