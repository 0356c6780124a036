#!/usr/bin/env python3
"""Writes what sqlglot says of the columns of a benchmark's queries, to hold duet's column lineage against.

usage: python3 sqlglot-lineage.py tpch path/to/tpch.duckdb_extension > sqlglot-lineage.json
       python3 sqlglot-lineage.py tpcds path/to/tpcds.duckdb_extension > sqlglot-lineage-tpcds.json
needs: pip install duckdb==1.5.5 sqlglot==30.30.0

For every query it gives the list of its columns, each with the base columns that sqlglot finds for it. A query that
sqlglot gives up on has its words instead.
"""
import json
import sys

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify

benchmark, extension = sys.argv[1:3]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{extension}'")
connection.execute("CALL dbgen(sf = 0)" if benchmark == "tpch" else "CALL dsdgen(sf = 0)")
schema = {}
for table, column, kind in connection.execute(
    "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
).fetchall():
    schema.setdefault(table, {})[column] = kind

result = []
for number, text in connection.execute(f"SELECT query_nr, query FROM {benchmark}_queries() ORDER BY 1").fetchall():
    entry = {"query": number, "sqlglot": sqlglot.__version__}
    try:
        tree = qualify(sqlglot.parse_one(text, dialect="duckdb"), schema=schema, dialect="duckdb")
        columns = []
        for item in tree.selects:
            node = lineage(item.alias_or_name, tree, schema=schema, dialect="duckdb")
            found = set()
            for leaf in node.walk():
                if isinstance(leaf.source, exp.Table) and not leaf.downstream:
                    found.add(f"{leaf.source.name}.{leaf.name.split('.')[-1]}".lower().replace('"', ""))
            columns.append({"column": item.alias_or_name, "origins": sorted(found)})
        entry["columns"] = columns
    except SqlglotError as error:
        entry["error"] = str(error).splitlines()[0]
    result.append(entry)
# One query a line, so that differences are easy to see.
print("[\n" + ",\n".join(json.dumps(entry) for entry in result) + "\n]")
