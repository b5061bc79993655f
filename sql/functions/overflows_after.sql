-- overflows_after(units, rooms): overflow_after for a list of rooms at once, in their order.
--
-- Units and rooms are sorted together, from the greatest sum down and a room before units of its own sum, so that what a room asks for
-- is the running minimum of the ranks so far.
CREATE OR REPLACE MACRO overflows_after(units, rooms) AS
    list_transform(
        [list_reverse_sort(list_concat(
            list_transform(units, lambda unit: {'sum': unit.sum, 'place': 0::BIGINT, 'rank': unit.rank}),
            list_transform(rooms, lambda room, place: {'sum': room, 'place': place, 'rank': NULL::DOUBLE})))],
        lambda merged: list_transform(
            list_sort(list_filter(
                list_zip(list_transform(merged, lambda one: one.place), scan(list_transform(merged, lambda one: one.rank), true)),
                lambda one: one[1] > 0)),
            lambda one: one[2]))[1];
