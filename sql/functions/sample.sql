-- sample(candidates, budget, total, oversize, is_counting, is_exponential, is_every): the named rows of one group, a list of STRUCT(trace_id | id, probability).
--
-- candidates  list of STRUCT(key, r, n_in, weight, size)
-- budget, total, oversize, is_exponential   as in verdict; is_counting where
--             every size is 1; is_every names the rows that are not in the sample too, with the probability that would have had to keep
--             them (0 for what `oversize` drops)
CREATE OR REPLACE MACRO sample(candidates, budget, total, oversize, is_counting, is_exponential, is_every) AS
    list_transform(
        list_transform([candidates], lambda given: {'candidates': given, 'ordered': in_order(given)}),
        lambda found: list_transform(
            [{'candidates': found.candidates,
              'ordered': found.ordered,
              'sums': CASE WHEN is_counting THEN range(1, len(found.ordered) + 1)
                           ELSE scan(list_transform(found.ordered, lambda row: row.size), false) END}],
            lambda summed: list_transform(
                [{'candidates': summed.candidates,
                  'ordered': summed.ordered,
                  'named': flatten(list_transform(
                      list_filter(
                          walk(layers_of(summed.ordered, summed.sums, is_exponential), budget),
                          lambda one: is_every OR one.is_taken OR (one.is_oversize AND oversize <> 'drop')),
                      lambda one: list_transform(
                          [coalesce(verdict(one, budget, total, oversize, is_exponential), 0)],
                          lambda probability: list_transform(
                              range(one.layer.first, one.layer.last + 1),
                              lambda position: {'position': position, 'probability': probability}))[1]))}],
                lambda walked: list_transform(
                    list_zip(
                        list_select(walked.candidates, list_transform(
                            list_select(walked.ordered, list_transform(walked.named, lambda row: row.position)),
                            lambda row: row.place)),
                        walked.named),
                    lambda one: named(one[1]."key", one[2].probability)))[1])[1])[1];
