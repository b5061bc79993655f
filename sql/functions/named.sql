-- named("key", probability): one row of a sampling function's result; the key is called what the views call it.
CREATE OR REPLACE MACRO named
    ("key" UUID, probability DOUBLE) AS {'trace_id': "key", 'probability': probability},
    ("key" UHUGEINT, probability DOUBLE) AS {'id': "key", 'probability': probability};
