-- rare_floor(item, n, f): aggregate. The probability f for all rows of the group, and n of them at least: each row is named with
-- the greater of f and the threshold of the group's bottom n (see bottom_k).
--
-- item     the `item` column of a view, or the `id` of logs or spans
-- n        how many rows of each group, 1 to 900000
-- f        absolute probability, from 0 to 1, else an error
-- returns  list of STRUCT(trace_id UUID | id UHUGEINT, probability DOUBLE) of every row of the group, kept or not; groups of at most n
--          rows are kept as they came. NULL for a group without items.
--
-- Both thresholds are on the row's one randomness: their union is the lower of them, and the counts are right. A unit of more
-- than n rows (one trace's records) goes by f, or where that is more by a hash of its own with n / rows of the group.
--
-- Source: sampling.md, rules 6 and 12 to 14.
-- Example: SELECT unnest(rare_floor(item, 5, 0.01), recursive := true) FROM traces GROUP BY root_service, root_name
CREATE OR REPLACE MACRO rare_floor(item, n, f) AS
    list_transform(
        [{'named': bottom_k_every(item, n), 'f': checked_fraction(any_value(f))::DOUBLE}],
        lambda found: list_transform(
            found.named,
            lambda one: struct_update(one, probability := CASE WHEN abs(one.probability) >= found.f THEN one.probability ELSE found.f END)))[1];
