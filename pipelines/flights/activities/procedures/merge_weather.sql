-- Puts the staged files in place of their earlier versions, and moves the watermark.
DELETE FROM rows_weather
WHERE file IN (SELECT file FROM stage_weather) OR file NOT IN (SELECT file FROM manifest_weather);

INSERT INTO rows_weather SELECT * FROM stage_weather;

CREATE OR REPLACE TABLE loaded_weather AS SELECT file, sha256 FROM manifest_weather;

DROP TABLE stage_weather;
