-- allocation_share(one, log_lambda): what a group STRUCT(n, share, k_low) gets at lambda = exp(log_lambda): DOUBLE, between its k_low and
-- its n.
CREATE OR REPLACE MACRO allocation_share(one, log_lambda) AS
    least(one.n, greatest(one.k_low, exp(log_lambda) * one.share));
