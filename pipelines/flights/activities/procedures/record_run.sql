-- A line for each run.
CREATE TABLE IF NOT EXISTS runs (run VARCHAR, status VARCHAR, ended TIMESTAMP WITH TIME ZONE);

INSERT INTO runs VALUES (@run, @status, current_timestamp);
