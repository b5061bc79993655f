-- run_bounds(ends): for runs that end at the positions `ends`, one STRUCT(head, tail) of 1-based positions for every
-- member of every run, so that the result lies beside the list that the runs were found in.
--
-- Example: run_bounds([2, 3]) = [{head: 1, tail: 2}, {head: 1, tail: 2}, {head: 3, tail: 3}]
CREATE OR REPLACE MACRO run_bounds(ends) AS
    list_transform([ends], lambda tails: flatten(list_transform(
        list_zip(list_concat([0::BIGINT], tails[:-2]), tails),
        lambda run: repeat([{'head': run[1] + 1, 'tail': run[2]}], run[2] - run[1]))))[1];
