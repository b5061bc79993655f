-- proportional(f): row function. The fraction f of what came: f * p_in, where `probability` by itself is absolute.
--
-- In a policy one argument is enough: the compiler passes the item of the view that the SELECT reads. Elsewhere, and where more
-- than one view or none is in sight, it is proportional(item, f).
--
-- item     an `item` column, the `id` of logs or spans, or an adjusted count (DOUBLE)
-- f        from 0 to 1, else an error; 1 keeps everything as it came
-- returns  DOUBLE, NULL for a NULL item
--
-- Source: sampling.md, rule 5. Item for item, half of a tenth is a twentieth: thresholds of 1/20, not of 1/2.
-- Example: SELECT trace_id, proportional(0.5) AS probability FROM traces
--
-- (f = 1 gives 1, which the engine caps by the row's own threshold: nothing is rounded. CASE is for binding, see bottom_k.)
CREATE OR REPLACE MACRO proportional(item, f) AS
    CASE WHEN f = 1 THEN 1::DOUBLE ELSE checked_fraction(f) * input_fraction_of(CASE WHEN true THEN item END) END;
