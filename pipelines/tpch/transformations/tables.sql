-- The eight tables of TPC-H as they stand, under the names that the queries use.

CREATE OR REFRESH STREAMING TABLE orders COMMENT 'The orders there are';
CREATE FLOW orders AS AUTO CDC INTO orders
FROM STREAM(bronze.orders_events) KEYS (o_orderkey)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE lineitem COMMENT 'The lines of the orders there are';
CREATE FLOW lineitem AS AUTO CDC INTO lineitem
FROM STREAM(bronze.lineitem_events) KEYS (l_orderkey, l_linenumber)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE customer COMMENT 'The customers there are';
CREATE FLOW customer AS AUTO CDC INTO customer
FROM STREAM(bronze.customer_events) KEYS (c_custkey)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE part COMMENT 'The parts there are';
CREATE FLOW part AS AUTO CDC INTO part
FROM STREAM(bronze.part_events) KEYS (p_partkey)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH MATERIALIZED VIEW partsupp COMMENT 'Who supplies which part'
AS SELECT * FROM read_files('${source.partsupp}');

CREATE OR REFRESH MATERIALIZED VIEW supplier COMMENT 'The suppliers'
AS SELECT * FROM read_files('${source.supplier}');

CREATE OR REFRESH MATERIALIZED VIEW nation COMMENT 'The nations'
AS SELECT * FROM read_files('${source.nation}');

CREATE OR REFRESH MATERIALIZED VIEW region COMMENT 'The regions'
AS SELECT * FROM read_files('${source.region}');
