-- Makes what the load of weather needs; @reload forgets what was loaded, so that every file comes again.
CREATE TABLE IF NOT EXISTS loaded_weather (file VARCHAR, sha256 VARCHAR);

DELETE FROM loaded_weather WHERE @reload;

CREATE OR REPLACE TABLE stage_weather (
  "origin" VARCHAR,
  "year" VARCHAR,
  "month" VARCHAR,
  "day" VARCHAR,
  "hour" VARCHAR,
  "temp" VARCHAR,
  "dewp" VARCHAR,
  "humid" VARCHAR,
  "wind_dir" VARCHAR,
  "wind_speed" VARCHAR,
  "wind_gust" VARCHAR,
  "precip" VARCHAR,
  "pressure" VARCHAR,
  "visib" VARCHAR,
  "time_hour" VARCHAR,
  "file" VARCHAR
);

CREATE TABLE IF NOT EXISTS rows_weather AS SELECT * FROM stage_weather;
