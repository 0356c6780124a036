-- Silver: typed, cleaned, joined.

CREATE OR REFRESH STREAMING TABLE silver.flights (
  CONSTRAINT has_date EXPECT (flight_date IS NOT NULL) ON VIOLATION FAIL UPDATE,
  CONSTRAINT has_plane EXPECT (tailnum IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT has_distance EXPECT (distance > 0) ON VIOLATION DROP ROW,
  CONSTRAINT has_arrived EXPECT (arr_delay IS NOT NULL)
)
COMMENT 'Departures with types; flights without a known plane never left and are kept out'
AS SELECT
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
FROM STREAM(bronze.flights);

CREATE OR REFRESH STREAMING TABLE silver.weather (
  CONSTRAINT has_hour EXPECT (time_hour IS NOT NULL) ON VIOLATION FAIL UPDATE,
  CONSTRAINT plausible_temperature EXPECT (temp BETWEEN -40 AND 130) ON VIOLATION DROP ROW,
  CONSTRAINT has_pressure EXPECT (pressure IS NOT NULL)
)
COMMENT 'Weather with types'
AS SELECT
  origin,
  time_hour::TIMESTAMP AS time_hour,
  temp::DECIMAL(6, 2) AS temp,
  wind_speed::DECIMAL(9, 4) AS wind_speed,
  precip::DECIMAL(6, 2) AS precip,
  pressure::DECIMAL(7, 1) AS pressure,
  visib::DECIMAL(5, 2) AS visib
FROM STREAM(bronze.weather);

CREATE OR REFRESH MATERIALIZED VIEW silver.planes (
  CONSTRAINT known_year EXPECT (year_built IS NOT NULL)
)
AS SELECT
  tailnum,
  year::INTEGER AS year_built,
  manufacturer,
  model,
  engines::INTEGER AS engines,
  seats::INTEGER AS seats
FROM bronze.planes;

CREATE OR REFRESH MATERIALIZED VIEW silver.airports
AS SELECT faa, name, lat::DOUBLE AS lat, lon::DOUBLE AS lon, alt::INTEGER AS alt, tzone
FROM bronze.airports;

-- Every departure with what is known about its plane, its destination and the weather in the hour it was due.
CREATE OR REFRESH MATERIALIZED VIEW silver.departures (
  CONSTRAINT known_destination EXPECT (dest_name IS NOT NULL)
)
AS SELECT
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
