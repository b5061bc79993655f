-- allocation_of(groups, budget, k_min): neyman_allocation over a list of STRUCT(key, n, share), share = N * spread.
--
-- Whole numbers by largest remainders: all are rounded down, and what is left goes one by one to those that lost most; ties go in the
-- order of the list.
CREATE OR REPLACE MACRO allocation_of(groups, budget, k_min) AS
    list_transform(
        list_transform(
            list_transform(
                allocation_fractions(allocation_bounds(groups, budget, k_min)),
                lambda all_of: {
                    'wanted': all_of.wanted, 'groups': all_of.groups,
                    'exact': list_transform(all_of.groups, lambda one: allocation_share(one, all_of.log_lambda) + 1e-9)}),
            lambda all_of: {
                'groups': all_of.groups, 'exact': all_of.exact,
                'left': all_of.wanted - list_sum(list_transform(all_of.exact, lambda k: floor(k))),
                'order': list_sort(list_transform(
                    list_sort(list_transform(all_of.exact, lambda k, place: {
                        'full': floor(k) >= all_of.groups[place].n, 'lost': floor(k) - k, 'place': place})),
                    lambda one, turn: {'place': one.place, 'turn': turn}))}),
        lambda all_of: list_transform(all_of.groups, lambda one, place: {
            'key': one."key",
            'k': (floor(all_of.exact[place]) + CASE WHEN all_of."order"[place].turn <= all_of.left THEN 1 ELSE 0 END)::BIGINT}))[1];
