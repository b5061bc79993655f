-- checked_sample_size(k): k, or an error where k is no sample size.
--
-- k      whole number of rows from 1 to 900000 (DuckDB's own bounded heaps hold fewer than a million values)
CREATE OR REPLACE MACRO checked_sample_size(k) AS
    CASE WHEN k IS NULL OR k < 1 OR k > 900000 OR k <> floor(k)
         THEN error('sampling: k must be a whole number from 1 to 900000, it is ' || coalesce(k::VARCHAR, 'NULL'))
         ELSE k::BIGINT END;
