-- spread_of(n, n_in): -n_in * ln(1 - n / n_in), DOUBLE: N of a row carried from uniform on (0, n_in] to exponential with mean n_in.
-- Infinite for n = n_in.
--
-- Rule 12 of sampling.md ranks by -ln(1 - u') / weight with u' = N / n_in and weight = W * 2^56 / n_in; times 2^56 that is
-- spread_of(n, n_in) / W, the N / W of the first variant with N stretched. Never less than n.
--
-- Below one half, ln(1 - x) is taken as x * ln(y) / (1 - y) with y = 1 - x rounded, whose errors cancel (Kahan; Goldberg, "What every
-- computer scientist should know about floating-point arithmetic", theorem 4): x down to 2^-56 keeps all its digits. Above,
-- 1 - x is the quotient of whole numbers, exact before it is rounded once.
CREATE OR REPLACE MACRO spread_of(n, n_in) AS
    CASE WHEN n >= n_in THEN 'infinity'::DOUBLE
         WHEN n > n_in::BIGINT // 2 THEN -n_in::DOUBLE * ln((n_in::BIGINT - n)::DOUBLE / n_in::DOUBLE)
         WHEN 1 - n::DOUBLE / n_in::DOUBLE = 1 THEN n::DOUBLE
         ELSE n::DOUBLE * (-ln(1 - n::DOUBLE / n_in::DOUBLE) / (1 - (1 - n::DOUBLE / n_in::DOUBLE))) END;
