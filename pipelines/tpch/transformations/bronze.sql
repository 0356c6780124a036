-- Bronze: what the sources say, row by row. Orders, their lines, customers and parts arrive as change events: a row with
-- what happened to it (op: I, U or D) and when (seq).

CREATE OR REFRESH STREAMING TABLE bronze.orders_events
COMMENT 'Orders as they come, change and go'
AS SELECT * FROM STREAM read_files('${source.orders}');

CREATE OR REFRESH STREAMING TABLE bronze.lineitem_events
COMMENT 'Lines of orders as they come, change and go'
AS SELECT * FROM STREAM read_files('${source.lineitem}');

CREATE OR REFRESH STREAMING TABLE bronze.customer_events
COMMENT 'Customers as they come, change and go'
AS SELECT * FROM STREAM read_files('${source.customer}');

CREATE OR REFRESH STREAMING TABLE bronze.part_events
COMMENT 'Parts as they come, change and go'
AS SELECT * FROM STREAM read_files('${source.part}');
