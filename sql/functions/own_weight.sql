-- own_weight(item, weight): W = weight * p_in, the author's value alone: the weight holds the input's adjusted count 1 / p_in, and a rank
-- by u' / weight = u / W must not apply it twice (sampling.md, rules 12 and 13). NULL where the item is.
CREATE OR REPLACE MACRO own_weight(item, weight) AS
    CASE WHEN item IS NOT NULL THEN checked_weight(weight) * (item.n_in / pow(2, 56)) END;
