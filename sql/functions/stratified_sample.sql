-- stratified_sample(item, strata, k): aggregate. About k rows of every stratum, where one row may lie in several: each stratum has a threshold
-- of its own, and a row gets the most generous of its strata's.
--
-- item     the `item` column of a view, or the `id` of logs or spans
-- strata   list of the row's strata, of any type: values that are equal are one stratum, whatever their place. Rows of an empty or NULL
--          list are in no sample; NULL within a list is no stratum.
-- k        how many rows of each stratum at most, 1 to 900000
-- returns  list of STRUCT(trace_id UUID | id UHUGEINT, probability DOUBLE): a row once for each stratum that names it. The greatest
--          holds, as always.
--
-- The thresholds are all on the row's one randomness, so that "in the sample of A or in that of B" has the greater probability,
-- exactly. Strata that part the rows (each row in one) need no such list: bottom_k and GROUP BY. Strata of several dimensions may
-- also be written as bottom_k with GROUP BY GROUPING SETS ((root_service), (root_name)).
--
-- Source: sampling.md, rules 6 and 12 to 14; Ting, "Adaptive threshold sampling", 2022, on multi-stratified sampling.
-- Example: SELECT unnest(stratified_sample(item, services, 10), recursive := true) FROM traces
CREATE OR REPLACE MACRO stratified_sample(item, strata, k) AS
    strata_samples(list({'item': item, 'strata': strata}) FILTER (WHERE item IS NOT NULL), k);
