-- Makes what the load of flights needs; @reload forgets what was loaded, so that every file comes again.
CREATE TABLE IF NOT EXISTS loaded_flights (file VARCHAR, sha256 VARCHAR);

DELETE FROM loaded_flights WHERE @reload;

CREATE OR REPLACE TABLE stage_flights (
  "year" VARCHAR,
  "month" VARCHAR,
  "day" VARCHAR,
  "dep_time" VARCHAR,
  "sched_dep_time" VARCHAR,
  "dep_delay" VARCHAR,
  "arr_time" VARCHAR,
  "sched_arr_time" VARCHAR,
  "arr_delay" VARCHAR,
  "carrier" VARCHAR,
  "flight" VARCHAR,
  "tailnum" VARCHAR,
  "origin" VARCHAR,
  "dest" VARCHAR,
  "air_time" VARCHAR,
  "distance" VARCHAR,
  "hour" VARCHAR,
  "minute" VARCHAR,
  "time_hour" VARCHAR,
  "file" VARCHAR
);

CREATE TABLE IF NOT EXISTS rows_flights AS SELECT * FROM stage_flights;
