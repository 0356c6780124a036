-- Gold: what people look at.

CREATE OR REFRESH MATERIALIZED VIEW gold.sentiment
COMMENT 'Reviews by product, month and sentiment'
AS SELECT product, date_trunc('month', day)::DATE AS month, sentiment, count(*) AS reviews
FROM silver.judged
GROUP BY product, date_trunc('month', day)::DATE, sentiment;

CREATE OR REFRESH MATERIALIZED VIEW gold.accuracy
COMMENT 'How often the model agrees with people, by month'
AS SELECT
  date_trunc('month', day)::DATE AS month,
  count(*) AS rated,
  count(*) FILTER (WHERE sentiment = known) AS agreed
FROM silver.judged
WHERE known IS NOT NULL
GROUP BY date_trunc('month', day)::DATE;

CREATE OR REFRESH MATERIALIZED VIEW gold.confusion
COMMENT 'What people said, and what the model sees'
AS SELECT known, sentiment, count(*) AS reviews
FROM silver.judged
WHERE known IS NOT NULL
GROUP BY known, sentiment;

CREATE OR REFRESH MATERIALIZED VIEW gold.most_negative
COMMENT 'The ten reviews that come nearest to the harshest of words'
AS SELECT review_id, product, day, text, harshness, row_number() OVER (ORDER BY harshness DESC, review_id) AS position
FROM silver.judged
WHERE sentiment = 'negative'
QUALIFY position <= 10;

CREATE OR REFRESH MATERIALIZED VIEW gold.drift
COMMENT 'Whether the texts or the answers change over time: length and share of positive answers by month'
AS SELECT
  date_trunc('month', day)::DATE AS month,
  count(*) AS reviews,
  count(*) FILTER (WHERE sentiment = 'positive') AS positive,
  sum(length(text)) AS characters,
  count(DISTINCT text) AS different_texts
FROM silver.judged
GROUP BY date_trunc('month', day)::DATE;
