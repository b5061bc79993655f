-- bottom_k(item, k): aggregate. A uniform sample of about k rows of the group: those with the greatest randomness.
--
-- item     the `item` column of a view, or the `id` of logs or spans
-- k        how many rows at most, 1 to 900000
-- returns  list of STRUCT(trace_id UUID | id UHUGEINT, probability DOUBLE) of the rows that are in the sample; NULL for a group
--          without items. Rows whose item is NULL are skipped.
--
-- Rows of equal randomness (the logs of one trace) are one unit, taken whole or not at all, so a group may give less than k.
-- A unit of more than k rows can never be taken whole: all its rows are named with the NEGATIVE probability -q, q = min(1, k / rows
-- of the group), over and above the k. That asks the engine to keep each of them by a hash of its own, independent of R,
-- with probability q of what came in; a kept row leaves with the count 1 / (p_in * q) and no threshold. Where a rule names such a
-- row with p too, its probability is that of the union, p_in * (1 - (1 - min(1, p / p_in)) * (1 - q)) (sampling.md, rule 14).
--
-- Source: sampling.md, rules 12 to 14, with weight = adjusted count; bottom-k sketches: Cohen and Kaplan,
-- "Summarizing data using bottom-k sketches", PODC 2007.
-- Example: SELECT unnest(bottom_k(item, 100), recursive := true) FROM traces GROUP BY root_service
--
-- (CASE lets item_of choose by type when the macro is used rather than when it is made.)
CREATE OR REPLACE MACRO bottom_k(item, k) AS
    sample_group(item_of(CASE WHEN true THEN item END), 1::DOUBLE, checked_sample_size(k));
