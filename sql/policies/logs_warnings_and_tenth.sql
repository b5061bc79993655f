-- Keeps every log record of level warning and above, and a tenth of the rest. Records of one trace go together: they share its
-- randomness.
SELECT id, CASE WHEN severity_number >= 13 THEN 1.0 ELSE 0.1 END AS probability
FROM logs
