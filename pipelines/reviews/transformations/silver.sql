-- Silver: reviews cleaned and held to rules, and then judged by a model. Only what passed the rules is asked about.

CREATE OR REFRESH STREAMING TABLE silver.reviews (
  CONSTRAINT has_text EXPECT (length(text) >= 3) ON VIOLATION DROP ROW,
  CONSTRAINT not_too_long EXPECT (length(text) <= 2000) ON VIOLATION DROP ROW,
  CONSTRAINT is_english EXPECT (
    regexp_matches(lower(text), '\b(the|a|an|is|it|was|are|and|to|of|i|my|this|that|not|no|very|for|in|on|with|you|has)\b')
  ) ON VIOLATION DROP ROW,
  CONSTRAINT is_rated EXPECT (score IS NOT NULL)
)
COMMENT 'Reviews without markup, with the rating that people gave'
AS SELECT
  review_id,
  product::INTEGER AS product,
  day::DATE AS day,
  TRY_CAST(score AS DECIMAL(4, 2)) AS score,
  CASE WHEN TRY_CAST(score AS DECIMAL(4, 2)) > 0 THEN 'positive'
    WHEN TRY_CAST(score AS DECIMAL(4, 2)) < 0 THEN 'negative' END AS known,
  trim(regexp_replace(regexp_replace(text, '<[^>]*>', ' ', 'g'), '\s+', ' ', 'g')) AS text
FROM STREAM(bronze.reviews);

CREATE OR REFRESH STREAMING TABLE silver.judged
COMMENT 'Reviews with the sentiment that the model sees, and how near they come to the harshest of words'
AS SELECT
  *,
  ai_analyze_sentiment(text) AS sentiment,
  ai_similarity(text, 'It is terrible, it broke at once, I want my money back.') AS harshness
FROM STREAM(silver.reviews);
