"""Runs one pipeline's SQL with duet in both styles and with other tools, step by step over the same files.

Every tool computes the same queries, taken from what `duet export adf` writes, so that nobody's SQL is written for
anybody's advantage. After each step every dataset of every tool is compared with the procedural style's, row by row.
Usage: see scripts/peers.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

MARK, END = "<!-- peers: written by scripts/peers -->", "<!-- /peers -->"
SPARK_NOTE = """
Spark's SQL is the same queries, translated by sqlglot (`Benchmarks/peers/spark.py`). Its datasets are materialized views, which
it computes anew at each run; a streaming table would not see that an old file has changed. Its time has the start of Spark
and of a Hive catalog in it.
"""
FILE_OPTIONS = "all_varchar = true, nullstr = 'NA', union_by_name = true"


class Model:
    """A dataset as one SELECT, with the rows taken out that its rules drop."""

    def __init__(self, name, sql, conditions):
        self.name, self.sql, self.conditions = name, sql, conditions

    def text(self, rename, files):
        """The SELECT over names and files as a tool has them."""
        sql = re.sub(r'"files_(\w+)"', lambda m: files(m.group(1)), self.sql)
        sql = re.sub(r"\b(bronze|silver|gold)\.(\w+)\b", lambda m: rename(f"{m.group(1)}.{m.group(2)}"), sql)
        if self.conditions:
            kept = " AND ".join(f"coalesce({c}, false)" for c in self.conditions)
            sql = f"SELECT * FROM (\n{sql}\n) AS __rows WHERE {kept}"
        return sql


def models_of(exported):
    """The models in the order in which the exported activities make them."""
    found = []
    for path in pathlib.Path(exported, "pipeline").glob("*.json"):
        for activity in json.loads(path.read_text())["properties"]["activities"]:
            if activity["type"] != "Script":
                continue
            texts = [s["text"] for s in activity["typeProperties"]["scripts"]]
            made = [re.match(r'CREATE OR REPLACE TABLE "(\w+)"\."(\w+)" AS (.*)', t, re.S) for t in texts]
            table = next((m for m in made if m), None)
            if table is None:
                continue
            kept = [re.match(r"DELETE FROM \S+ WHERE NOT coalesce\((.*), false\)$", t, re.S) for t in texts]
            name = f"{table.group(1)}.{table.group(2)}"
            found.append(Model(name, table.group(3).strip(), [m.group(1) for m in kept if m]))
    return found


def command(arguments, folder, environment=None):
    """Runs a command to its end; gives its seconds by the clock and of the processor, children's included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        arguments, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Duet:
    def __init__(self, style, duet, pipeline, work):
        self.title, self.style, self.duet, self.pipeline = f"duet, {style}", style, duet, pipeline
        self.home = work / "duet"

    def run(self):
        return command([self.duet, "run", self.pipeline, "--style", self.style, "--home", self.home], self.home.parent)

    def database(self):
        return next(self.home.glob(f"**/{self.style}.duckdb"))

    def table(self, name):
        return name


class Bare:
    """DuckDB itself in a process of its own: one statement a dataset, everything anew."""

    title = "bare DuckDB, everything anew"

    def __init__(self, models, files, work):
        self.folder = work / "bare"
        self.folder.mkdir()
        lines = [f"import duckdb\nc = duckdb.connect('{self.database()}')\nc.execute(\"SET TimeZone = 'UTC'\")"]
        lines += [f"c.execute('CREATE SCHEMA IF NOT EXISTS {s}')" for s in ("bronze", "silver", "gold")]
        for model in models:
            sql = model.text(lambda n: n, files)
            lines.append(f"c.execute({f'CREATE OR REPLACE TABLE {model.name} AS {sql}'!r})")
        (self.folder / "run.py").write_text("\n".join(lines))

    def run(self):
        return command([sys.executable, "run.py"], self.folder)

    def database(self):
        return self.folder / "bare.duckdb"

    def table(self, name):
        return name


class Dbt:
    title = "dbt with DuckDB, tables"

    def __init__(self, program, models, files, work):
        self.folder, self.program = work / "dbt", program
        (self.folder / "models").mkdir(parents=True)
        (self.folder / "dbt_project.yml").write_text(
            "name: peers\nversion: '1.0.0'\nprofile: peers\nmodel-paths: [models]\nmodels: {+materialized: table}\n"
            "flags: {send_anonymous_usage_stats: false}\n"
        )
        (self.folder / "profiles.yml").write_text(
            "peers:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: dbt.duckdb, threads: "
            f"{os.cpu_count()}, settings: {{TimeZone: UTC}}}}\n"
        )
        for model in models:
            text = model.text(lambda n: "{{ ref('" + n.replace(".", "_") + "') }}", files)
            (self.folder / "models" / f"{model.name.replace('.', '_')}.sql").write_text(text)

    def run(self):
        return command([self.program, "run", "--profiles-dir", "."], self.folder)

    def database(self):
        return self.folder / "dbt.duckdb"

    def table(self, name):
        return "main." + name.replace(".", "_")


class SQLMesh:
    title = "SQLMesh with DuckDB, full models"

    def __init__(self, program, models, files, work):
        self.folder, self.program, self.is_made = work / "sqlmesh", program, False
        (self.folder / "models").mkdir(parents=True)
        (self.folder / "config.yaml").write_text(
            "gateways: {local: {connection: {type: duckdb, database: mesh.duckdb, "
            "connector_config: {TimeZone: UTC}}}}\n"
            "default_gateway: local\nmodel_defaults: {dialect: duckdb, start: 2024-01-01}\n"
            "disable_anonymized_analytics: true\n"
        )
        self.first = [m.name for m in models if "files_" in m.sql]
        for model in models:
            head = f"MODEL (name {model.name}, kind FULL);\n\n"
            text = model.text(lambda n: n, files)
            (self.folder / "models" / f"{model.name.replace('.', '_')}.sql").write_text(head + text + "\n")

    def run(self):
        arguments = [self.program, "plan", "--auto-apply", "--no-prompts"]
        # A model is computed once an interval; asking again means restating those that read files, and what follows.
        if self.is_made:
            for name in self.first:
                arguments += ["--restate-model", name]
        self.is_made = True
        return command(arguments, self.folder, {"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1"})

    def database(self):
        return self.folder / "mesh.duckdb"

    def table(self, name):
        return name


class Spark:
    title = "Spark Declarative Pipelines, materialized views"

    def __init__(self, python, models, files, work):
        self.folder, self.program = work / "spark", pathlib.Path(python).parent / "spark-pipelines"
        self.folder.mkdir()
        self.environment = {
            "SPARK_CONF_DIR": str(self.folder / "conf"),
            "PYSPARK_PYTHON": str(python),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PATH": f"{pathlib.Path(python).parent}:{os.environ['PATH']}",
        }
        stated = []
        for model in models:
            read = re.fullmatch(r'SELECT \* FROM "files_(\w+)"', model.sql)
            place = re.match(r"read_csv\('([^']*)'", files(read.group(1))).group(1) if read else None
            sql = model.text(lambda n: n.replace(".", "_"), files)
            stated.append({"name": model.name, "sql": sql, "files": place})
        subprocess.run(
            [python, pathlib.Path(__file__).with_name("spark.py"), self.folder],
            input=json.dumps(stated), text=True, check=True,
        )

    def run(self):
        return detached([self.program, "run"], self.folder, self.environment)

    def attach(self, connection, name):
        """Parquet folders as views: Spark's warehouse is no file that DuckDB could attach."""
        connection.execute(f"ATTACH ':memory:' AS {name}")
        for folder in sorted((self.folder / "warehouse").iterdir()):
            connection.execute(f"CREATE VIEW {name}.{folder.name} AS FROM read_parquet('{folder}/*.parquet')")

    def table(self, name):
        return name.replace(".", "_")


def detached(arguments, folder, environment):
    """As `command`, for a tool whose processes are not all its children: their session's time is looked up as they run."""
    log = folder / "run.log"
    spent, start = {}, time.perf_counter()
    with open(log, "w") as output:
        process = subprocess.Popen(
            arguments, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
        while process.poll() is None:
            for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[3]) == process.pid:
                    spent[stat.parent.name] = int(fields[11]) + int(fields[12])
            time.sleep(0.1)
    wall = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))} failed:\n{log.read_text()[-6000:]}")
    return wall, sum(spent.values()) / os.sysconf("SC_CLK_TCK")


def attach(tool, connection):
    """Attaches a tool's tables; gives the name they are under."""
    if hasattr(tool, "attach"):
        tool.attach(connection, "other")
        return "other"
    # Views may name their own file's catalog, so a database is attached under the name of its file.
    connection.execute(f"ATTACH '{tool.database()}' AS {tool.database().stem} (READ_ONLY)")
    return tool.database().stem


def differences(tool, reference, models):
    """The datasets whose rows differ from the reference's, as multisets."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    a, b = attach(tool, connection), attach(reference, connection)
    wrong = []
    for model in models:
        columns = [d[0] for d in connection.execute(f"FROM {b}.{reference.table(model.name)} LIMIT 0").description]
        names = ", ".join(f'"{c}"' for c in columns)
        left = f"SELECT {names} FROM {a}.{tool.table(model.name)}"
        right = f"SELECT {names} FROM {b}.{reference.table(model.name)}"
        count = connection.execute(
            f"SELECT count(*) FROM (({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left}))"
        ).fetchone()[0]
        if count:
            wrong.append(model.name)
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--duet", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--raw", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dbt")
    parser.add_argument("--sqlmesh")
    parser.add_argument("--spark", help="the Python of an environment with pyspark[pipelines] and sqlglot")
    parser.add_argument("--write", help="the page whose part between the marks is replaced by the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = measure(options, pathlib.Path(name))
    print(table(result))
    if options.write:
        page = pathlib.Path(options.write)
        head, _, rest = page.read_text().partition(MARK)
        page.write_text(head + MARK + "\n\n" + section(result) + "\n" + END + rest.partition(END)[2])
    if any(cell["wrong"] for row in result["tools"].values() for cell in row.values()):
        sys.exit("some tools ended in other rows; see above")


def measure(options, folder):
    tools, times, wrong, names = [], {}, {}, []
    for round_number in range(options.rounds):
        work = folder / str(round_number)
        pipeline = work / "pipeline"
        shutil.copytree(options.pipeline, pipeline, ignore=shutil.ignore_patterns("data", ".duet"))
        definition = pipeline / "pipeline.yml"
        definition.write_text(re.sub(r"^  raw: .*$", f"  raw: {options.raw}", definition.read_text(), flags=re.M))
        names = re.findall(r"^  - step: (.*)$", definition.read_text(), flags=re.M)
        exported = work / "adf"
        command([options.duet, "export", "adf", pipeline, "--to", exported], work)
        models = models_of(exported)
        data = pipeline / "data"

        def files(source):
            place = data / source / "*.csv" if (data / source).is_dir() else data / f"{source}.csv"
            return f"read_csv('{place}', {FILE_OPTIONS})"

        command([options.duet, "scenario", "apply", pipeline, "--steps", "1"], work)
        tools = [Duet("procedural", options.duet, pipeline, work), Duet("declarative", options.duet, pipeline, work)]
        tools.append(Bare(models, files, work))
        if options.dbt:
            tools.append(Dbt(options.dbt, models, files, work))
        if options.sqlmesh:
            tools.append(SQLMesh(options.sqlmesh, models, files, work))
        if options.spark:
            tools.append(Spark(options.spark, models, files, work))
        for number, step in enumerate(names, 1):
            if number > 1:
                command(
                    [options.duet, "scenario", "apply", pipeline, "--from", str(number), "--steps", str(number)], work
                )
            # In turn forwards and backwards, so that nobody always comes after the same one.
            order = tools if (round_number + number) % 2 else tools[::-1]
            for tool in order:
                times.setdefault(tool.title, {}).setdefault(step, []).append(tool.run())
            for tool in tools[1:]:
                wrong.setdefault(tool.title, {}).setdefault(step, set()).update(differences(tool, tools[0], models))
    cells = {}
    for tool in tools:
        cells[tool.title] = {
            step: {
                "wall_seconds": [round(w, 4) for w, _ in times[tool.title][step]],
                "cpu_seconds": [round(c, 4) for _, c in times[tool.title][step]],
                "wrong": sorted(wrong.get(tool.title, {}).get(step, set())),
            }
            for step in names
        }
    return {"machine": machine(), "rounds": options.rounds, "steps": names, "tools": cells}


def machine():
    model = ""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        model = next((l.split(":")[1].strip() for l in text.splitlines() if l.startswith("model name")), "")
    except OSError:
        model = platform.processor()
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform(), "date": time.strftime("%Y-%m-%d")}


def section(result):
    facts = result["machine"]
    spread = max(
        (max(c["wall_seconds"]) / max(min(c["wall_seconds"]), 1e-9), tool, step)
        for tool, row in result["tools"].items()
        for step, c in row.items()
    )
    rounds = result["rounds"]
    times = f"medians of {rounds} rounds, " if rounds > 1 else "one round, "
    slowest = f"Slowest against quickest run of a cell: at most {spread[0]:.2f} ({spread[1]}, {spread[2]}).\n"
    return (
        f"{facts['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['system']}; {times}"
        "seconds by the clock, and of the processor in brackets, whole processes with their start.\n"
        + (slowest if rounds > 1 else "") + "\n"
        + table(result) + "\n"
        + (SPARK_NOTE if Spark.title in result["tools"] else "")
    )


def table(result):
    lines = ["| tool | " + " | ".join(result["steps"]) + " |", "|---|" + "---:|" * len(result["steps"])]
    for tool, row in result["tools"].items():
        cells = []
        for step in result["steps"]:
            cell = row[step]
            text = f"{statistics.median(cell['wall_seconds']):.2f} s ({statistics.median(cell['cpu_seconds']):.2f})"
            cells.append(text + (f" **wrong: {', '.join(cell['wrong'])}**" if cell["wrong"] else ""))
        lines.append(f"| {tool} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
