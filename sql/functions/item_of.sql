-- item_of(x): what the sampling functions need to know of a row, STRUCT(key, r UBIGINT, n_in UBIGINT).
--
-- x   an `item` column (given back as it is), or the bare `id` of a log record or a span, which carries it all
-- r   the 56-bit randomness R; n_in is N of the input probability p_in = N / 2^56
CREATE OR REPLACE MACRO item_of
    (id UHUGEINT) AS {'key': id, 'r': randomness_of(id), 'n_in': input_probability_of(id)},
    (item STRUCT("key" UUID, r UBIGINT, n_in UBIGINT)) AS item,
    (item STRUCT("key" UHUGEINT, r UBIGINT, n_in UBIGINT)) AS item;
