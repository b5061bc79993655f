-- checked_rate(n_per_second): a rate as DOUBLE, or an error where it is none: NULL, NaN, negative or infinite.
CREATE OR REPLACE MACRO checked_rate(n_per_second) AS
    CASE WHEN n_per_second::DOUBLE BETWEEN 0 AND 1e15 THEN n_per_second::DOUBLE
         ELSE error('sampling: a rate must be a number from 0 to 1e15 a second, one is ' || coalesce(n_per_second::VARCHAR, 'NULL')) END;
