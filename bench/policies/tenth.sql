-- Keeps about a tenth of the benchmark's spans by duration, status and one attribute.
SELECT trace_id,
       CASE
         WHEN has_error AND duration > INTERVAL 2 SECONDS THEN 1.0
         WHEN attributes['http.request.method'] = 'DELETE' THEN 0.2
         ELSE 0.08
       END AS probability
FROM traces
