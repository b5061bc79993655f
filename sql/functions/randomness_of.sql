-- randomness_of(id): the 56-bit randomness R of a log record or a span, UBIGINT in [0, 2^56), out of its id (R << 64 | ...).
CREATE OR REPLACE MACRO randomness_of(id) AS (id::UHUGEINT >> 64)::UBIGINT;
