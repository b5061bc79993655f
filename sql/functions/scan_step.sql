-- scan_step("values", distance, is_minimum): one step of a running sum, or running minimum, over a list: every value joined with the one
-- `distance` before it. NULLs are left out of a minimum.
CREATE OR REPLACE MACRO scan_step("values", distance, is_minimum) AS
    list_concat(
        "values"[1:distance],
        list_transform(list_zip("values"[distance + 1:], "values"[:len("values") - distance]), lambda pair:
            CASE WHEN is_minimum THEN least(pair[1], pair[2]) ELSE pair[1] + pair[2] END));
