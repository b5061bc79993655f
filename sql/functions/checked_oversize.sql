-- checked_oversize(oversize): 'split', 'keep' or 'drop', or an error.
CREATE OR REPLACE MACRO checked_oversize(oversize) AS
    CASE WHEN oversize IN ('split', 'keep', 'drop') THEN oversize
         ELSE error('sampling: oversize must be ''split'', ''keep'' or ''drop'', it is ' || coalesce(oversize::VARCHAR, 'NULL')) END;
