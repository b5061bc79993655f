-- checked_arrivals(n): how many rows a group has, DOUBLE, or an error where it is no whole number from 1.
CREATE OR REPLACE MACRO checked_arrivals(n) AS
    CASE WHEN n BETWEEN 1 AND 1e15 AND n = floor(n) THEN n::DOUBLE
         ELSE error('sampling: the arrivals of a group must be a whole number from 1, one is ' || coalesce(n::VARCHAR, 'NULL')) END;
