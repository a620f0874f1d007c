"""What a month of history costs on its way into DuckDB and PostgreSQL.

    python -m benchmarks.history [messages]

The same export, 100,000 messages unless told otherwise, by ``load_history``, by dlt's ``rest_api`` source as a user
would configure it, and by the least that anyone could do: parse it, put six columns into Arrow or CSV, and upsert by
key. The least holds the whole export in memory, knows one shape of it, and reads no SQL, credits or feedback. Each load
is a process of its own, the ways take turns, and the median counts.
"""

from __future__ import annotations

import csv
import http.server
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.table import print_table
from tests.postgres import running_postgres

ROUNDS = 3
COLUMNS = {
    "conversations": ("chat_id", "title", "author", "created_at", "updated_at", "raw"),
    "messages": ("chat_id", "position", "role", "content", "created_at", "raw"),
}
_KEYS = {"conversations": "chat_id", "messages": "chat_id, position"}


def main(messages: int) -> None:
    """Measure, and print a table for each warehouse."""
    with tempfile.TemporaryDirectory() as folder, running_postgres("benchmark-") as (_, server):
        export = Path(folder) / "export.json"
        size = write_export(export, messages)
        with serving(export.parent) as origin:
            for destination in ("duckdb", "postgres"):
                figures: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
                for number in range(ROUNDS * len(WAYS)):
                    way = list(WAYS)[number % len(WAYS)]
                    place = str(export.with_name(f"{number}.duckdb"))
                    if destination == "postgres":
                        server.psql(f"CREATE DATABASE load_{number}")
                        place = server.get_uri(f"load_{number}")
                    figures[way].append(measured(way, destination, place, export, origin))
                report(f"{messages:,} messages ({size >> 20} MiB) into {destination}", figures)


def measured(way: str, destination: str, place: str, export: Path, origin: str) -> tuple[float, ...]:
    """Return the seconds, the CPU seconds and the peak MiB of one load in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.history", way, destination, place, str(export), origin]
    # As where it runs for long: with the libraries compiled.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def report(title: str, figures: dict[str, list[tuple[float, ...]]]) -> None:
    """Print the medians, and how they compare with the least."""
    medians = {
        way: [statistics.median(column) for column in zip(*found, strict=True)] for way, found in figures.items()
    }
    least = medians["least"]
    rows = [
        [way, f"{wall:.1f}", f"{wall / least[0]:.1f}", f"{cpu:.1f}", f"{cpu / least[1]:.1f}", f"{peak:.0f}"]
        for way, (wall, cpu, peak) in medians.items()
    ]
    print_table(title, ["", "s", "ratio", "CPU s", "ratio", "peak MiB"], rows)


def by_us(destination: str, place: str, export: Path, origin: str) -> None:
    """Load with all promises."""
    from dot_provider.history import load_history

    with export.open("rb") as document:
        load_history(document, destination=destination, credentials=place)


def by_rest_api(destination: str, place: str, export: Path, origin: str) -> None:
    """Load as the documentation of dlt's ``rest_api`` says."""
    import dlt
    from dlt.sources.rest_api import rest_api_source

    from dot_provider.history.destination import usable_destination

    endpoint = {"path": export.name, "data_selector": "conversations", "paginator": "single_page"}
    resource = {"name": "conversations", "primary_key": "chat_id", "write_disposition": "merge", "endpoint": endpoint}
    source = rest_api_source({"client": {"base_url": origin}, "resources": [resource]})  # type: ignore[typeddict-item, list-item]
    # dlt asks for a host, which a socket has none of.
    target = getattr(dlt.destinations, destination)(usable_destination(destination, place, "dot").credentials)
    with tempfile.TemporaryDirectory() as folder:
        dlt.pipeline("dot", pipelines_dir=folder, destination=target, dataset_name="dot").run(source)


def by_least(destination: str, place: str, export: Path, origin: str) -> None:
    """Parse, six columns, upsert in one transaction."""
    with export.open("rb") as document:
        records = json.load(document)["conversations"]
    tables: dict[str, list[list[Any]]] = {"conversations": [], "messages": []}
    dumped = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for record in records:
        messages, author = record.pop("messages"), record["user"]["email"]
        names = ("chat_id", "title", "created_at", "updated_at")
        chat_id, title, created_at, updated_at = (record[name] for name in names)
        tables["conversations"].append([chat_id, title, author, created_at, updated_at, dumped(record)])
        tables["messages"] += [
            [chat_id, position, one["role"], one["content"], one["created_at"], dumped(one)]
            for position, one in enumerate(messages)
        ]
    (_into_duckdb if destination == "duckdb" else _into_postgres)(place, tables)


def _into_duckdb(place: str, tables: dict[str, list[list[Any]]]) -> None:
    import duckdb
    import pyarrow as pa

    with duckdb.connect(place) as connection:
        connection.execute("BEGIN")
        for table, rows in tables.items():
            connection.execute(_create(table))
            connection.register("arrived", pa.table(list(map(list, zip(*rows, strict=True))), list(COLUMNS[table])))
            connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM arrived")
        connection.execute("COMMIT")


def _into_postgres(place: str, tables: dict[str, list[list[Any]]]) -> None:
    import psycopg2

    with psycopg2.connect(place) as connection, connection.cursor() as cursor:
        for table, rows in tables.items():
            text = io.StringIO()
            csv.writer(text).writerows(rows)
            text.seek(0)
            cursor.execute(f"{_create(table)}; CREATE TEMP TABLE arrived_{table} (LIKE {table})")
            cursor.copy_expert(f"COPY arrived_{table} FROM STDIN (FORMAT csv)", text)
            changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in COLUMNS[table])
            upsert = f"ON CONFLICT ({_KEYS[table]}) DO UPDATE SET {changes}"
            cursor.execute(f"INSERT INTO {table} SELECT * FROM arrived_{table} {upsert}")


def _create(table: str) -> str:
    numbers = ("position", "created_at", "updated_at")
    columns = ", ".join(f"{name} {'BIGINT' if name in numbers else 'VARCHAR'}" for name in COLUMNS[table])
    return f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({_KEYS[table]}))"


WAYS: dict[str, Callable[[str, str, Path, str], None]] = {
    "load_history": by_us,
    "dlt rest_api": by_rest_api,
    "least": by_least,
}


def write_export(file: Path, messages: int) -> int:
    """Write an export with ten messages a conversation, and return its size."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 10))) for _ in range(2000)]
    text: Callable[[int], str] = lambda count: " ".join(rng.choices(words, k=count))  # noqa: E731
    with file.open("w", encoding="utf-8") as document:
        document.write('{"conversations": [')
        for number in range(messages // 10):
            document.write((", " if number else "") + json.dumps(_conversation(number, text)))
        document.write("]}")
    return file.stat().st_size


def _conversation(number: int, text: Callable[[int], str]) -> dict[str, Any]:
    began = 1_780_000_000 + 60 * number
    messages: list[dict[str, Any]] = []
    for place in range(10):
        message = {"message_id": f"m{number}-{place}", "created_at": began + 5 * place}
        if place % 2 == 0:
            messages.append({**message, "role": "user", "content": text(12)})
            continue
        sql = f"SELECT {text(4).replace(' ', ', ')} FROM shop.orders JOIN shop.customers USING (id) GROUP BY 1"
        data = {
            "formatted_result": [{"type": "text", "data": text(60)}],
            "assets": {"df": {"sql_query": sql}},
            "credits": 0.25,
        }
        messages.append({**message, "role": "assistant", "content": text(100), "additional_data": data})
    return {
        "chat_id": f"c{number}",
        "title": text(5),
        "user": {"email": "me@example.com"},
        "labels": ["sales", "weekly"],
        "created_at": began,
        "updated_at": began + 45,
        "message_count": 10,
        "messages": messages,
    }


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, for who can only fetch."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        started = time.perf_counter()
        WAYS[sys.argv[1]](sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5])
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps([time.perf_counter() - started, time.process_time(), usage.ru_maxrss / 1024]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
