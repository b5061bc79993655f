-- checked_weight(weight): weight as DOUBLE, or an error where it is none.
--
-- A weight says what a row stands for, so it is positive and finite. Zero is refused rather than taken as "never":
-- what could never be kept would be missing from every estimate, and nothing in the output would say so. Weights
-- outside 1e-100 to 1e100 are refused because ranks (sampling.md, rule 12) would leave the range of normal doubles,
-- where the proof of inclusion_bound holds.
CREATE OR REPLACE MACRO checked_weight(weight) AS
    CASE WHEN weight IS NULL THEN error('sampling: a weight is NULL; give every row one, as in coalesce(weight, 1)')
         WHEN NOT (weight::DOUBLE BETWEEN 1e-100 AND 1e100)
         THEN error('sampling: a weight must be positive and finite (1e-100 to 1e100), one is ' || weight::VARCHAR)
         ELSE weight::DOUBLE END;
