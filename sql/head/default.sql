-- What share of its traces each service and operation should send: margin times the greatest probability that the policies gave
-- one of them lately, so that what is kept is what would be kept if all were sent (docs/head.md).
-- What comes of it is then limited in its rate of change, and stays while it differs little: change_max, hysteresis.
WITH needs AS (
  SELECT *,
    CASE
      WHEN windows = 0 THEN NULL
      -- The policies kept all that came of what the head left: they may want more. How much, arrivals and what was kept before tell.
      WHEN is_censored THEN margin * greatest(probability, coalesce(budget_per_second / arrivals_per_second, 0))
      ELSE margin * probability
    END AS need,
    greatest(floor, coalesce(least(1, floor_traces_per_second / arrivals_per_second), 0)) AS floor_rate
  FROM head_statistics CROSS JOIN head_settings
),
steady AS (
  -- Senders that sample, but write no threshold, make the need look larger the less they send. The mean in logarithms settles.
  SELECT *, CASE WHEN rate < 1 AND came_probability = 1 AND need > 0 AND need < 1 THEN sqrt(rate * need) ELSE need END AS steady_need
  FROM needs
)
SELECT service, operation,
  CASE
    WHEN need IS NULL THEN greatest(rate, head_minimum)
    ELSE greatest(least(1, steady_need * stress), least(1, floor_rate), head_minimum)
  END AS rate,
  CASE
    WHEN need IS NULL THEN 'held: nothing came lately'
    WHEN head_minimum >= greatest(steady_need * stress, floor_rate) THEN 'head_minimum of a policy'
    WHEN floor_rate >= steady_need * stress THEN 'floor'
    WHEN stress < 1 THEN 'less, for stress'
    WHEN is_censored THEN 'the policies keep all that comes'
    ELSE 'what the policies keep'
  END AS reason
FROM steady
