-- allocation_fractions(bounds): what allocation_bounds gave to a list of one STRUCT(wanted, groups, log_lambda): lambda at which the groups'
-- shares add up to what is wanted, or a hair less, by 80 halvings of [exp(-60), exp(60)].
CREATE OR REPLACE MACRO allocation_fractions(bounds) AS
    list_transform(bounds, lambda all_of: {
        'wanted': all_of.wanted, 'groups': all_of.groups,
        'log_lambda': list_reduce(
            repeat([{'low': -60::DOUBLE, 'high': 60::DOUBLE}], 81),
            lambda range_now, again: list_transform(
                [list_sum(list_transform(all_of.groups, lambda one: allocation_share(one, (range_now.low + range_now.high) / 2)))],
                lambda total: {
                    'low': CASE WHEN total <= all_of.wanted THEN (range_now.low + range_now.high) / 2 ELSE range_now.low END,
                    'high': CASE WHEN total <= all_of.wanted THEN range_now.high ELSE (range_now.low + range_now.high) / 2 END})[1]).low});
