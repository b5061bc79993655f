-- overflow_after(units, room): the rank of the first unit, in order of rank, whose running sum of sizes exceeds `room`; NULL when none does.
--
-- units   list of STRUCT(rank, sum)
CREATE OR REPLACE MACRO overflow_after(units, room) AS
    list_min(list_transform(list_filter(units, lambda unit: unit.sum > room), lambda unit: unit.rank));
