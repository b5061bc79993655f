-- checked_size(size): size as BIGINT, or an error where it is none.
--
-- size   what a row takes of a budget, in the budget's unit (bytes, spans): a whole number from 0 to 2^40
CREATE OR REPLACE MACRO checked_size(size) AS
    CASE WHEN size IS NULL THEN error('sampling: a size is NULL; give every row one, as in coalesce(size, 0)')::BIGINT
         WHEN NOT (size BETWEEN 0 AND 1099511627776) OR size <> floor(size)
         THEN error('sampling: a size must be a whole number from 0 to 2^40, one is ' || size::VARCHAR)::BIGINT
         ELSE size::BIGINT END;
