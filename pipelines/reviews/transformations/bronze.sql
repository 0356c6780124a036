-- Bronze: reviews as they come. Every column is text; a file is read once, and again when it has changed.

CREATE OR REFRESH STREAMING TABLE bronze.reviews
COMMENT 'Rated reviews, one row a review'
AS SELECT * FROM STREAM read_files('${source.reviews}', inferColumnTypes => false);
