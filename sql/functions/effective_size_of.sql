-- effective_size_of(kept): effective_sample_size over a list of STRUCT(a, unit).
CREATE OR REPLACE MACRO effective_size_of(kept) AS
    list_sum(list_transform(kept, lambda one: one.a)) * list_sum(list_transform(kept, lambda one: one.a)) / (
        coalesce(list_sum(list_transform(list_filter(kept, lambda one: one.unit IS NULL), lambda one: one.a * one.a)), 0)
        + (SELECT coalesce(sum(a * a), 0)
           FROM (SELECT sum(one.a) AS a FROM (SELECT unnest(kept) AS one) WHERE one.unit IS NOT NULL GROUP BY one.unit)));
