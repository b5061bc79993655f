-- chao_jost_coverage("key"): aggregate over rows that are NOT sampled, better than good_turing_coverage where many keys are rare:
-- 1 - f1 / n * (n - 1) * f1 / ((n - 1) * f1 + 2 * f2), f1 and f2 the keys that were seen once and twice, n the rows.
-- DOUBLE, NULL where there are no rows. For sampled rows: coverage.
--
-- Where no key was seen twice, f2 stands for itself as in the bias-corrected form: (n - 1) * (f1 - 1) / ((n - 1) * (f1 - 1) + 2).
--
-- Source: Chao and Jost, "Coverage-based rarefaction and extrapolation", Ecology 93(12), 2012, equation 4a and its footnote.
-- Example: SELECT chao_jost_coverage(root_name) FROM traces
CREATE OR REPLACE MACRO chao_jost_coverage("key") AS
    list_transform(
        [{'n': count("key")::DOUBLE,
          'f1': len(list_filter(map_values(histogram("key")), lambda rows: rows = 1))::DOUBLE,
          'f2': len(list_filter(map_values(histogram("key")), lambda rows: rows = 2))::DOUBLE}],
        lambda seen: CASE
            WHEN seen.n = 0 THEN NULL
            WHEN seen.f1 = 0 THEN 1
            WHEN seen.f2 > 0 THEN 1 - seen.f1 / seen.n * ((seen.n - 1) * seen.f1 / ((seen.n - 1) * seen.f1 + 2 * seen.f2))
            ELSE 1 - seen.f1 / seen.n * ((seen.n - 1) * (seen.f1 - 1) / ((seen.n - 1) * (seen.f1 - 1) + 2)) END)[1];
