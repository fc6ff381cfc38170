-- Visits of a shop, as JSON files that keep arriving in a folder.
CREATE TABLE visits (
  page STRING,
  visited TIMESTAMP(3),
  WATERMARK FOR visited AS visited - INTERVAL '3' MINUTE
) WITH (
  'connector' = 'filesystem',
  'path' = '{visits}',
  'format' = 'json',
  'source.monitor-interval' = '250 ms'
);

-- What was counted, as JSON files in another folder; each checkpoint completes some.
CREATE TABLE counts (
  until TIMESTAMP(3),
  page STRING,
  visits BIGINT,
  total BIGINT
) WITH (
  'connector' = 'filesystem',
  'path' = '{counts}',
  'format' = 'json',
  'sink.rolling-policy.rollover-interval' = '1 s',
  'sink.rolling-policy.check-interval' = '250 ms'
);

INSERT INTO counts
SELECT
  window_end,
  page,
  visits,
  SUM(visits) OVER (PARTITION BY page ORDER BY window_time) AS total
FROM (
  SELECT window_start, window_end, window_time, page, COUNT(*) AS visits
  FROM TABLE(TUMBLE(TABLE visits, DESCRIPTOR(visited), INTERVAL '1' MINUTE))
  GROUP BY window_start, window_end, window_time, page
);
