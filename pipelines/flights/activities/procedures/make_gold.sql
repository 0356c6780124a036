-- Gold: what people look at.
CREATE SCHEMA IF NOT EXISTS gold;

CREATE OR REPLACE TABLE gold.carrier_month AS SELECT
  carrier,
  airline,
  month(flight_date) AS month,
  count(*) AS departures,
  count(*) FILTER (WHERE arr_delay IS NULL) AS not_arrived,
  count(*) FILTER (WHERE arr_delay > 15) AS late,
  sum(arr_delay) AS minutes_late,
  round(avg(arr_delay), 2) AS mean_delay
FROM silver.departures
GROUP BY carrier, airline, month(flight_date);

CREATE OR REPLACE TABLE gold.worst_routes AS WITH routes AS (
  SELECT
    origin,
    dest,
    max(dest_name) AS dest_name,
    count(*) AS departures,
    round(avg(arr_delay), 2) AS mean_delay
  FROM silver.departures
  WHERE arr_delay IS NOT NULL
  GROUP BY origin, dest
  HAVING count(*) >= 100
)
SELECT
  origin,
  dest,
  dest_name,
  departures,
  mean_delay,
  rank() OVER (PARTITION BY origin ORDER BY mean_delay DESC, dest) AS position
FROM routes
QUALIFY position <= 10;

CREATE OR REPLACE TABLE gold.weather_delay AS SELECT
  CASE
    WHEN wind_speed IS NULL THEN 'unknown'
    WHEN wind_speed < 8 THEN 'calm'
    WHEN wind_speed < 18 THEN 'breeze'
    ELSE 'strong'
  END AS wind,
  CASE WHEN precip IS NULL THEN 'unknown' WHEN precip > 0 THEN 'rain' ELSE 'dry' END AS rain,
  count(*) AS departures,
  count(dep_delay) AS left_gate,
  round(avg(dep_delay), 2) AS mean_delay,
  max(dep_delay) AS worst_delay
FROM silver.departures
GROUP BY ALL;

CREATE OR REPLACE TABLE gold.fleet_age AS SELECT
  f.carrier,
  (p.year_built // 10) * 10 AS decade,
  count(DISTINCT f.tailnum) AS planes,
  count(*) AS departures,
  sum(f.distance) AS miles
FROM silver.flights AS f
LEFT JOIN silver.planes AS p ON p.tailnum = f.tailnum
GROUP BY f.carrier, (p.year_built // 10) * 10;

CREATE OR REPLACE TABLE gold.daily AS WITH days AS (
  SELECT flight_date, count(*) AS departures, sum(dep_delay) AS minutes_late
  FROM silver.flights
  GROUP BY flight_date
)
SELECT
  flight_date,
  departures,
  minutes_late,
  round(avg(departures) OVER (ORDER BY flight_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW), 2) AS week_mean
FROM days;
