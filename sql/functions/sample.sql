-- sample(candidates, k, row_count): the named rows of one group, a list of STRUCT(trace_id | id, probability).
--
-- candidates  list of STRUCT(key, r, n_in, weight); row_count as in walk
CREATE OR REPLACE MACRO sample(candidates, k, row_count) AS
    list_transform(
        list_transform([candidates], lambda given: {'candidates': given, 'ordered': in_order(given)}),
        lambda found: list_transform(
            [{'candidates': found.candidates,
              'ordered': found.ordered,
              'named': flatten(list_transform(
                  walk(layers_of(found.ordered), k, row_count),
                  lambda layer: list_transform(
                      range(layer.first, layer.last + 1),
                      lambda position: {'position': position, 'probability': layer.probability})))}],
            lambda walked: list_transform(
                list_zip(
                    list_select(walked.candidates, list_transform(
                        list_select(walked.ordered, list_transform(walked.named, lambda row: row.position)),
                        lambda row: row.place)),
                    walked.named),
                lambda one: named(one[1]."key", one[2].probability)))[1])[1];
