-- sized(item, size): checked_size of rows that have an item; NULL for others, which no sample looks at.
CREATE OR REPLACE MACRO sized(item, size) AS CASE WHEN item IS NOT NULL THEN checked_size(size) END;
