-- probability_of(n): N / 2^56 as a DOUBLE, never less than that (N above 2^53 are rounded up, by less than 2^-52 of
-- themselves): a cap for what the engine caps again, exactly, by the row's own threshold.
CREATE OR REPLACE MACRO probability_of(n) AS
    least(1, (n + CASE WHEN n < 9007199254740992 THEN 0 ELSE 4 END)::DOUBLE / pow(2, 56));
