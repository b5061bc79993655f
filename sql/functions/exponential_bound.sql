-- exponential_bound(tau, weight, n_in): the greatest N, nearly, for which spread_of(N, n_in) / weight < tau is certain: a whole DOUBLE in
-- [0, n_in].
--
-- y = n_in * (1 - exp(-weight * tau / n_in)) (sampling.md, rule 12), with exp(z) - 1 taken as (e - 1) * z / ln(e), e = exp(z) rounded
-- (Kahan), so that small ones keep their digits. y is taken down by 2^-46 of itself: all roundings here and in spread_of
-- come to less than 2^-49, and a rank falls by at least as large a share as its N. So the first excluded row, whose y is its own N, stays out.
-- Why rounding down does not bias: see inclusion_bound.
CREATE OR REPLACE MACRO exponential_bound(tau, weight, n_in) AS
    floor((1 - pow(2, -46)) * n_in::DOUBLE * CASE
        WHEN weight * tau / n_in::DOUBLE > 40 THEN 1
        WHEN exp(-(weight * tau / n_in::DOUBLE)) = 1 THEN weight * tau / n_in::DOUBLE
        ELSE (1 - exp(-(weight * tau / n_in::DOUBLE))) * (weight * tau / n_in::DOUBLE) / -ln(exp(-(weight * tau / n_in::DOUBLE))) END);
