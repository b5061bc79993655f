-- input_probability_of(id): N of the probability p_in = N / 2^56 with which a log record or a span came, UBIGINT in [1, 2^56].
--
-- Bits 32 to 63 of the id are a float of 6 bits exponent e and 26 bits mantissa m, N = 2^e * (1 + m / 2^26), rounded UP
-- when encoded: exact for powers of two and for N < 2^27, else high by less than 1.5e-8 of itself. Rounding up cannot
-- bias: N only caps what a function returns, the engine caps again by the exact threshold, and as a factor of a weight any fixed
-- number will do. (encodeInputProbability in src/sampling/input-probability.ts is the other half.)
CREATE OR REPLACE MACRO input_probability_of(id) AS
    ceil(pow(2, ((id::UHUGEINT >> 58) & 63::UHUGEINT)::INTEGER - 26)
         * (67108864 + ((id::UHUGEINT >> 32) & 67108863::UHUGEINT)::BIGINT))::UBIGINT;
