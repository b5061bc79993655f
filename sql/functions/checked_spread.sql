-- checked_spread(spread): DOUBLE from 0, NULL as 0, or an error.
CREATE OR REPLACE MACRO checked_spread(spread) AS
    CASE WHEN spread IS NULL OR spread::DOUBLE BETWEEN 0 AND 1e100 THEN coalesce(spread::DOUBLE, 0)
         ELSE error('sampling: a spread must be finite and not negative, one is ' || spread::VARCHAR) END;
