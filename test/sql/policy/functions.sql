-- Stand-ins for the sampling macros: same arguments and result, no statistics. Policies compile against them alike.
CREATE MACRO item_of(id) AS struct_pack("key" := id, r := (id >> 64)::UBIGINT, n_in := 72057594037927936::UBIGINT);
CREATE MACRO bottom_k(item, k) AS list(struct_pack("key" := item."key", probability := least(1.0, k / 100.0)::DOUBLE));
CREATE MACRO weighted_reservoir_sample
    (s, k) AS list(struct_pack("key" := struct_extract_at(s, 1), probability := least(1.0, struct_extract_at(s, 2) * k / 100.0)::DOUBLE)),
    (item, weight, k) AS list(struct_pack("key" := item."key", probability := least(1.0, weight * k / 100.0)::DOUBLE));
CREATE MACRO split_half(item) AS list(struct_pack("key" := item."key", probability := -0.5::DOUBLE));
