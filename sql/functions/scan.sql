-- scan("values", is_minimum): the running sums, or running minima, of a list of at most 2^24 values; more are an error.
--
-- Steps of doubling distance: Hillis and Steele, "Data parallel algorithms", CACM 29(12), 1986. (A lambda that reads a list from
-- outside gets a copy of it for every element, so a sum over slices would take memory with the square of the length. The distances
-- are lists of one because list_reduce goes over values of one type.)
-- Example: scan([3, 1, 2], false) = [3, 4, 6]
CREATE OR REPLACE MACRO scan("values", is_minimum) AS
    list_reduce(
        list_concat(["values"], list_transform(
            range(0, CASE WHEN len("values") > 16777216 THEN error('sampling: a group holds more than 16777216 units')::BIGINT
                          ELSE ceil(log2(greatest(1, len("values"))))::BIGINT END),
            lambda step: [1::BIGINT << step])),
        lambda done, distance: scan_step(done, distance[1]::BIGINT, is_minimum));
