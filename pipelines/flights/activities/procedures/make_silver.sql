-- Bronze as the files are, and silver: typed, cleaned, joined.
CREATE SCHEMA IF NOT EXISTS bronze;

CREATE SCHEMA IF NOT EXISTS silver;

CREATE OR REPLACE TABLE bronze.flights AS SELECT * EXCLUDE (file) FROM rows_flights;

CREATE OR REPLACE TABLE bronze.weather AS SELECT * EXCLUDE (file) FROM rows_weather;

CREATE OR REPLACE TABLE bronze.planes AS FROM planes;

CREATE OR REPLACE TABLE bronze.airlines AS FROM airlines;

CREATE OR REPLACE TABLE bronze.airports AS FROM airports;

CREATE OR REPLACE TABLE silver.flights AS SELECT
  make_date(year::INTEGER, month::INTEGER, day::INTEGER) AS flight_date,
  carrier,
  flight::INTEGER AS flight,
  tailnum,
  origin,
  dest,
  dep_delay::INTEGER AS dep_delay,
  arr_delay::INTEGER AS arr_delay,
  air_time::INTEGER AS air_time,
  distance::INTEGER AS distance,
  time_hour::TIMESTAMP AS time_hour
FROM bronze.flights;

SELECT CASE WHEN count(*) > 0 THEN error('silver.flights has rows without: flight_date IS NOT NULL') END FROM silver.flights
WHERE NOT coalesce(flight_date IS NOT NULL, false);

DELETE FROM silver.flights
WHERE NOT coalesce((tailnum IS NOT NULL) AND (distance > 0), false);

CREATE OR REPLACE TABLE silver.weather AS SELECT
  origin,
  time_hour::TIMESTAMP AS time_hour,
  temp::DECIMAL(6, 2) AS temp,
  wind_speed::DECIMAL(9, 4) AS wind_speed,
  precip::DECIMAL(6, 2) AS precip,
  pressure::DECIMAL(7, 1) AS pressure,
  visib::DECIMAL(5, 2) AS visib
FROM bronze.weather;

SELECT CASE WHEN count(*) > 0 THEN error('silver.weather has rows without: time_hour IS NOT NULL') END FROM silver.weather
WHERE NOT coalesce(time_hour IS NOT NULL, false);

DELETE FROM silver.weather
WHERE NOT coalesce((temp BETWEEN -40 AND 130), false);

CREATE OR REPLACE TABLE silver.planes AS SELECT
  tailnum,
  year::INTEGER AS year_built,
  manufacturer,
  model,
  engines::INTEGER AS engines,
  seats::INTEGER AS seats
FROM bronze.planes;

CREATE OR REPLACE TABLE silver.airports AS SELECT faa, name, lat::DOUBLE AS lat, lon::DOUBLE AS lon, alt::INTEGER AS alt, tzone
FROM bronze.airports;

CREATE OR REPLACE TABLE silver.departures AS SELECT
  f.flight_date,
  f.carrier,
  a.name AS airline,
  f.flight,
  f.tailnum,
  f.origin,
  f.dest,
  d.name AS dest_name,
  f.dep_delay,
  f.arr_delay,
  f.air_time,
  f.distance,
  p.year_built,
  p.seats,
  w.wind_speed,
  w.precip,
  w.visib
FROM silver.flights AS f
JOIN bronze.airlines AS a ON a.carrier = f.carrier
LEFT JOIN silver.planes AS p ON p.tailnum = f.tailnum
LEFT JOIN silver.airports AS d ON d.faa = f.dest
LEFT JOIN silver.weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour;
