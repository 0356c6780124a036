-- Silver: the eight tables of TPC-H as they stand, under the names that the queries use. NOT NULL stops an update that
-- brings one, and lets the rules of the views go by it.

CREATE OR REFRESH STREAMING TABLE silver.orders (
  o_orderdate NOT NULL, o_orderpriority NOT NULL, o_totalprice NOT NULL, o_shippriority NOT NULL,
  CONSTRAINT orders_key PRIMARY KEY (o_orderkey) RELY,
  CONSTRAINT orders_customer FOREIGN KEY (o_custkey) REFERENCES silver.customer (c_custkey) NOT ENFORCED RELY
) COMMENT 'The orders there are';
CREATE FLOW orders AS AUTO CDC INTO silver.orders
FROM STREAM(bronze.orders_events) KEYS (o_orderkey)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE silver.lineitem (
  l_quantity NOT NULL, l_extendedprice NOT NULL, l_discount NOT NULL, l_tax NOT NULL, l_returnflag NOT NULL,
  l_linestatus NOT NULL, l_shipdate NOT NULL, l_shipmode NOT NULL,
  CONSTRAINT lineitem_order FOREIGN KEY (l_orderkey) REFERENCES silver.orders (o_orderkey) NOT ENFORCED RELY,
  CONSTRAINT lineitem_part FOREIGN KEY (l_partkey) REFERENCES silver.part (p_partkey) NOT ENFORCED RELY,
  CONSTRAINT lineitem_supplier FOREIGN KEY (l_suppkey) REFERENCES silver.supplier (s_suppkey) NOT ENFORCED RELY,
  CONSTRAINT lineitem_partsupp FOREIGN KEY (l_partkey, l_suppkey)
    REFERENCES silver.partsupp (ps_partkey, ps_suppkey) NOT ENFORCED RELY
) COMMENT 'The lines of the orders there are';
CREATE FLOW lineitem AS AUTO CDC INTO silver.lineitem
FROM STREAM(bronze.lineitem_events) KEYS (l_orderkey, l_linenumber)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE silver.customer (
  c_custkey NOT NULL, c_name NOT NULL, c_acctbal NOT NULL, c_phone NOT NULL, c_address NOT NULL, c_comment NOT NULL,
  CONSTRAINT customer_nation FOREIGN KEY (c_nationkey) REFERENCES silver.nation (n_nationkey) NOT ENFORCED RELY
) COMMENT 'The customers there are';
CREATE FLOW customer AS AUTO CDC INTO silver.customer
FROM STREAM(bronze.customer_events) KEYS (c_custkey)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE silver.part (
  p_partkey NOT NULL, p_brand NOT NULL, p_type NOT NULL, p_size NOT NULL
) COMMENT 'The parts there are';
CREATE FLOW part AS AUTO CDC INTO silver.part
FROM STREAM(bronze.part_events) KEYS (p_partkey)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;

CREATE OR REFRESH MATERIALIZED VIEW silver.partsupp COMMENT 'Who supplies which part'
AS SELECT * FROM read_files('${source.partsupp}');

CREATE OR REFRESH MATERIALIZED VIEW silver.supplier COMMENT 'The suppliers'
AS SELECT * FROM read_files('${source.supplier}');

CREATE OR REFRESH MATERIALIZED VIEW silver.nation COMMENT 'The nations'
AS SELECT * FROM read_files('${source.nation}');

CREATE OR REFRESH MATERIALIZED VIEW silver.region COMMENT 'The regions'
AS SELECT * FROM read_files('${source.region}');
