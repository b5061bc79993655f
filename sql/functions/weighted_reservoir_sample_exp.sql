-- weighted_reservoir_sample_exp(item, weight, k, oversize := 'split'), weighted_reservoir_sample_exp(row, k): aggregate. A sample of about k rows of
-- the group by Efraimidis-Spirakis ranks: the row that goes in first is each with a chance of weight over the sum of weights, then the
-- next among the rest, and so on (sampling without replacement). The parameters are those of weighted_reservoir_sample.
--
-- A row ranks by -ln(1 - u') / weight; with tau the rank of the first that is left out, p = p_in * (1 - exp(-weight * tau)), taken down by
-- 2^-46 of itself (exponential_bound). Where priority sampling gives great weights the probability 1, here they come close to it.
--
-- Source: sampling.md, rules 12 to 14; Efraimidis, Spirakis, "Weighted random sampling with a reservoir", IPL 97(5), 2006; the estimator
-- by rank conditioning: Cohen, Kaplan, "Tighter estimation using bottom k sketches", VLDB 2008.
-- Example: SELECT unnest(weighted_reservoir_sample_exp(item, adjusted_count, 100), recursive := true) FROM traces GROUP BY root_service
CREATE OR REPLACE MACRO weighted_reservoir_sample_exp
    (item, weight, k, oversize := 'split') AS weighted_sample(
        item_of(CASE WHEN true THEN item END), weight, checked_sample_size(k), checked_oversize(oversize), true, false),
    ("row", k) AS weighted_sample(
        item_of(CASE WHEN true THEN struct_extract_at("row", 1) END), struct_extract_at("row", 2), checked_sample_size(k), 'split', true, false);
