-- neyman_allocation("key", arrivals, spread, budget), ...("key", arrivals, spread, budget, k_min): aggregate over a table of groups, one row
-- each. Divides one budget of rows among them so that the estimate over all varies least: k proportional to arrivals * spread.
--
-- "key"     what names the group; at most 100000 groups
-- arrivals  rows that came in the group: N, from 1. No group gets more than that; what it cannot use goes to the others
-- spread    how much the author's value varies within the group, from arrivals: see below; NULL counts as 0, negative is an error
-- budget    rows in all, whole, from 1
-- k_min     fewest rows of a group, 2 where it is left out; less where the budget has not that much for each, but never less than one
-- returns   list of STRUCT(key, k BIGINT); the k add up to the least of budget and all arrivals, or to the number of groups where that is
--           more than the budget. NULL where there are no groups
--
-- Which spread? Totals that are sums of adjusted_count * value (as dashboards make them) vary least with the root mean square,
-- sqrt(avg(value * value)): the variance of a group's total is (N - k) / (k - 1) * sum of value^2. With value 1, counts, it is 1.
-- Means within groups, and totals whose number of arrivals is known, vary least with the deviation, stddev_samp(value):
-- N^2 * (1 - k / N) * stddev^2 / k, Neyman's case. k = 1 estimates a total with infinite variance, hence 2.
--
-- k = min(N, max(k_min, lambda * N * spread)), lambda found by bisection, then rounded by largest remainders. All of it is known
-- from what arrived, so nothing is biased.
--
-- Source: Neyman, "On the two different aspects of the representative method", JRSS 97, 1934; Cochran, "Sampling Techniques", 1977,
-- sections 5.5 and 5.8.
-- Example: WITH groups AS (SELECT root_service, count(*) AS n, sqrt(avg(span_count * span_count)) AS spread FROM traces GROUP BY root_service),
--               shares AS (SELECT unnest(neyman_allocation(root_service, n, spread, 1000), recursive := true) FROM groups)
--          SELECT unnest(bottom_k(item, k), recursive := true) FROM traces JOIN shares ON key = root_service GROUP BY root_service, k
CREATE OR REPLACE MACRO neyman_allocation
    ("key", arrivals, spread, budget, k_min) AS CASE WHEN count(*) > 100000 THEN error('sampling: neyman_allocation divides among at most 100000 groups, these are ' || count(*)::VARCHAR)
              WHEN count(*) > 0 THEN allocation_of(
        list({'key': "key", 'n': checked_arrivals(arrivals)::DOUBLE, 'share': (checked_arrivals(arrivals) * checked_spread(spread))::DOUBLE}),
        checked_sample_size(any_value(budget)), checked_sample_size(any_value(k_min))) END,
    ("key", arrivals, spread, budget) AS CASE WHEN count(*) > 100000 THEN error('sampling: neyman_allocation divides among at most 100000 groups, these are ' || count(*)::VARCHAR)
              WHEN count(*) > 0 THEN allocation_of(
        list({'key': "key", 'n': checked_arrivals(arrivals)::DOUBLE, 'share': (checked_arrivals(arrivals) * checked_spread(spread))::DOUBLE}),
        checked_sample_size(any_value(budget)), 2) END;
