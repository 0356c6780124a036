"""Writes a project of Spark Declarative Pipelines from the models that the other tools get, read as JSON on standard input.

The queries are DuckDB's SQL. sqlglot translates them to Spark's; what it leaves to do is done here, in the open: files are
read by Python functions, since Spark's pipelines have no read_files, and names have no schemas, since they make none.
Every dataset is a materialized view, which Spark computes anew at each run: a streaming table would not see that an old
file has changed.

usage: spark.py FOLDER < models.json       models: [{"name": "silver.x", "sql": "SELECT ..", "files": null or "/a/*.csv"}]
"""

import json
import pathlib
import sys

import sqlglot

READ = '''

@dp.materialized_view(name={name!r})
def {name}():
    return spark.read.options(header=True, nullValue="NA", emptyValue="").csv({files!r})
'''


def main():
    folder = pathlib.Path(sys.argv[1])
    transformations = folder / "transformations"
    transformations.mkdir(parents=True)
    python = "from pyspark import pipelines as dp\nfrom pyspark.sql import SparkSession\n\nspark = SparkSession.active()\n"
    for model in json.load(sys.stdin):
        name = model["name"].replace(".", "_")
        if model["files"]:
            python += READ.format(name=name, files=model["files"])
            continue
        query = sqlglot.transpile(model["sql"], read="duckdb", write="spark", pretty=True)[0]
        (transformations / f"{name}.sql").write_text(f"CREATE MATERIALIZED VIEW {name} AS\n{query};\n")
    (transformations / "bronze.py").write_text(python)
    (folder / "spark-pipeline.yml").write_text(
        f"name: peers\nstorage: file://{folder}/storage\n"
        "configuration: {spark.sql.session.timeZone: UTC, spark.sql.shuffle.partitions: '2'}\n"
        "libraries: [{glob: {include: transformations/**}}]\n"
    )
    # A second run needs a catalog that outlives the first; these settings are static and cannot be in the file above.
    (folder / "conf").mkdir()
    (folder / "conf" / "spark-defaults.conf").write_text(
        "spark.sql.catalogImplementation hive\n"
        f"spark.sql.warehouse.dir file://{folder}/warehouse\n"
        f"spark.hadoop.javax.jdo.option.ConnectionURL jdbc:derby:;databaseName={folder}/metastore;create=true\n"
        "spark.ui.enabled false\n"
    )


if __name__ == "__main__":
    main()
