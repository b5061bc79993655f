-- weighted_sample(item, weight, k, oversize, is_exponential, is_every): the weighted samples of an item in its STRUCT form.
CREATE OR REPLACE MACRO weighted_sample(item, weight, k, oversize, is_exponential, is_every) AS
    sample_group(item, own_weight(item, weight), k, oversize, is_exponential, is_every);
