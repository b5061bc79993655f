-- checked_budget(budget): budget as BIGINT, or an error where it is none.
--
-- budget   how much the rows of a sample may take together, in the unit of their sizes: from 1 to 2^53; of a fraction the whole part
CREATE OR REPLACE MACRO checked_budget(budget) AS
    CASE WHEN budget BETWEEN 1 AND 9007199254740992 THEN floor(budget)::BIGINT
         ELSE error('sampling: a budget must be a number from 1 to 2^53, it is ' || coalesce(budget::VARCHAR, 'NULL'))::BIGINT END;
