-- n_of(r): N = 2^56 - R, BIGINT in [1, 2^56]: what the rules count in (u = N / 2^56). Its own inverse.
CREATE OR REPLACE MACRO n_of(r) AS 72057594037927936 - r::BIGINT;
