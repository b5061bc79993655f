-- inclusion_bound(tau, weight): the greatest N (a whole DOUBLE in [0, 2^56]) for which N / weight < tau is certain.
--
-- A unit of randomness R (N = 2^56 - R) ranks at N / weight, in doubles, and is taken when that is below tau: rule 13 of
-- sampling.md, y = weight * N_x / W_x. The engine then keeps it when N <= this bound. ceil(y) - 1 is exact whenever y < 2^53
-- (for equal weights the threshold R_x + 1); where doubles are too coarse for it, y is taken down by 2^-50 of itself, which is
-- more than all roundings on the way (four of 2^-53 each).
--
-- Why rounding down does not bias: the bound is a function of tau and of the row's own weight, and tau is a function of the other
-- units alone. The row is kept exactly when its N is at most the bound (a lower bound excludes more, never less, than
-- the walk did), and the bound itself, not y, is what the row leaves with.
CREATE OR REPLACE MACRO inclusion_bound(tau, weight) AS
    CASE WHEN least(ceil(tau * weight) - 1, pow(2, 56)) / weight < tau
         THEN least(ceil(tau * weight) - 1, pow(2, 56))
         ELSE floor(least(tau * weight, pow(2, 56)) * (1 - pow(2, -50))) END;
