-- score_interval(total, variance, is_positive): ht_interval of an estimate and its variance; `is_positive`: no value is negative.
CREATE OR REPLACE MACRO score_interval(total, variance, is_positive) AS
    list_transform(
        [{'x': total::DOUBLE, 'c': CASE WHEN is_positive AND total > 0 THEN 1.959963984540054::DOUBLE * 1.959963984540054::DOUBLE * variance / total END,
          'half': 1.959963984540054::DOUBLE * sqrt(variance)}],
        lambda one: {
            'low': coalesce(one.x + one.c / 2 - sqrt(one.x * one.c + one.c * one.c / 4), one.x - one.half),
            'high': coalesce(one.x + one.c / 2 + sqrt(one.x * one.c + one.c * one.c / 4), one.x + one.half)})[1];
