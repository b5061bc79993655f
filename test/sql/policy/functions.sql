-- Functions that are loaded and not on the list of those that policies may call: what sampling functions return, by hand.
CREATE MACRO split_half(item) AS list(struct_pack(id := item."key", probability := -0.5::DOUBLE));
CREATE MACRO keep_quarter(item) AS list(struct_pack(id := item."key", probability := 0.25::DOUBLE));
