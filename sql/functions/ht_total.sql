-- ht_total(adjusted_count, value): aggregate. The Horvitz-Thompson estimate of the sum of a value over all originals, from kept
-- rows: the sum of adjusted_count * value. With value 1 it is the number of originals.
--
-- adjusted_count  what each row stands for, 1 / p: sampling.adjusted_count, 1 where a row has none
-- value           number; rows without a value count as nothing
-- returns         DOUBLE; 0 where there are no rows
--
-- Usable by itself in any DuckDB.
-- Source: Horvitz and Thompson, "A generalization of sampling without replacement from a finite universe", JASA 47, 1952.
-- Example: SELECT service_name, ht_total(adjusted_count, 1) AS spans FROM spans GROUP BY service_name
CREATE OR REPLACE MACRO ht_total(adjusted_count, value) AS
    coalesce(sum(adjusted_count::DOUBLE * value), 0);
