-- Puts the staged files in place of their earlier versions, and moves the watermark.
DELETE FROM rows_flights
WHERE file IN (SELECT file FROM stage_flights) OR file NOT IN (SELECT file FROM manifest_flights);

INSERT INTO rows_flights SELECT * FROM stage_flights;

CREATE OR REPLACE TABLE loaded_flights AS SELECT file, sha256 FROM manifest_flights;

DROP TABLE stage_flights;
