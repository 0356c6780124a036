-- Bronze: the five sources as they come. Every column is text; a file is read once, and again when it has changed.

CREATE OR REFRESH STREAMING TABLE bronze.flights
COMMENT 'Departures, one row a flight'
AS SELECT * FROM STREAM read_files('${source.flights}', inferColumnTypes => false, nullValue => 'NA');

CREATE OR REFRESH STREAMING TABLE bronze.weather
COMMENT 'Hourly weather at the three airports'
AS SELECT * FROM STREAM read_files('${source.weather}', inferColumnTypes => false, nullValue => 'NA');

CREATE OR REFRESH MATERIALIZED VIEW bronze.planes
COMMENT 'The register of planes'
AS SELECT * FROM read_files('${source.planes}', inferColumnTypes => false, nullValue => 'NA');

CREATE OR REFRESH MATERIALIZED VIEW bronze.airlines
COMMENT 'Carrier codes and names'
AS SELECT * FROM read_files('${source.airlines}', inferColumnTypes => false, nullValue => 'NA');

CREATE OR REFRESH MATERIALIZED VIEW bronze.airports
COMMENT 'Airport codes, names and places'
AS SELECT * FROM read_files('${source.airports}', inferColumnTypes => false, nullValue => 'NA');
