-- checked_fraction(f): f as DOUBLE, or an error where it is no fraction from 0 to 1 (NULL and NaN are none).
CREATE OR REPLACE MACRO checked_fraction(f) AS
    CASE WHEN f::DOUBLE BETWEEN 0 AND 1 THEN f::DOUBLE
         ELSE error('sampling: a fraction must be from 0 to 1, one is ' || coalesce(f::VARCHAR, 'NULL')) END;
