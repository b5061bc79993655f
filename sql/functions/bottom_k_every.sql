-- bottom_k_every(item, k, oversize := 'split'): aggregate. bottom_k that names EVERY row of the group with its probability: those that the
-- sample leaves out too, with the probability that the threshold of their group gives them and that their R does not reach.
--
-- The engine keeps the same rows with the same counts. Returns a list as bottom_k does, 0 for rows that oversize := 'drop' drops.
--
-- A row that was left out has the threshold that others were held to. So its probability may be combined by greatest, least or a factor of
-- at most 1, and stays unbiased; to keep more, raise k rather than multiply.
--
-- Source: as bottom_k
-- Example: SELECT unnest(bottom_k_every(item, 100), recursive := true) FROM traces GROUP BY root_service
CREATE OR REPLACE MACRO bottom_k_every(item, k, oversize := 'split') AS
    sample_group(item_of(CASE WHEN true THEN item END), 1::DOUBLE, checked_sample_size(k), checked_oversize(oversize), false, true);
