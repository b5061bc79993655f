-- allocation_bounds(groups, budget, k_min): makes allocation_of's groups ready: a list of one STRUCT(wanted, groups), the groups with their k_low
-- and with shares that add up to 1. Groups of share 0 get a billionth by n, so that what the others cannot use goes to them.
CREATE OR REPLACE MACRO allocation_bounds(groups, budget, k_min) AS
    list_transform(
        list_transform([groups], lambda given: {
            'groups': given,
            'n_sum': list_sum(list_transform(given, lambda one: one.n)),
            'share_sum': greatest(list_sum(list_transform(given, lambda one: one.share)), 1e-300),
            'k_least': least(k_min, greatest(1, floor(budget / len(given))))}),
        lambda all_of: {
            'wanted': least(budget, all_of.n_sum),
            'groups': list_transform(all_of.groups, lambda one: {
                'key': one."key", 'n': one.n, 'k_low': least(one.n, all_of.k_least)::DOUBLE,
                'share': (one.share / all_of.share_sum + 1e-9 * one.n / all_of.n_sum)::DOUBLE})});
