-- run_ends(marks): the 1-based positions, ascending, at which a run of equal values of the list `marks` ends.
--
-- (A one-element list binds what is used more than once: inside a lambda DuckDB computes equal expressions each for itself.)
-- Example: run_ends([5, 5, 7]) = [2, 3]
CREATE OR REPLACE MACRO run_ends(marks) AS
    list_transform([marks], lambda values: list_transform(
        list_filter(list_zip(range(1, len(values) + 1), values, values[2:]), lambda one: one[2] IS DISTINCT FROM one[3]),
        lambda one: one[1]))[1];
