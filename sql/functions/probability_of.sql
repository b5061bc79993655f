-- probability_of(n): N / 2^56 as a DOUBLE, never less than that (N above 2^53 that no double is are rounded up, by less than 2^-51 of themselves): a cap for what the
-- engine caps again, exactly, by the row's own threshold.
CREATE OR REPLACE MACRO probability_of(n) AS
    n::DOUBLE * CASE WHEN n::DOUBLE::BIGINT < n THEN 1 + pow(2, -52) ELSE 1 END / pow(2, 56);
