-- input_fraction_of(x): p_in, the probability with which a row came, DOUBLE in (0, 1].
--
-- x   an `item` column, the `id` of a log record or a span, or an adjusted count 1 / p_in as DOUBLE
CREATE OR REPLACE MACRO input_fraction_of
    (id UHUGEINT) AS input_probability_of(id) / pow(2, 56),
    (item STRUCT("key" UUID, r UBIGINT, n_in UBIGINT)) AS item.n_in / pow(2, 56),
    (item STRUCT("key" UHUGEINT, r UBIGINT, n_in UBIGINT)) AS item.n_in / pow(2, 56),
    (adjusted_count DOUBLE) AS CASE WHEN adjusted_count >= 1 THEN 1 / adjusted_count
        ELSE error('sampling: an adjusted count must be at least 1, one is ' || adjusted_count::VARCHAR) END;
