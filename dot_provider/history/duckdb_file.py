"""The places of DuckDB that can hold a history: a file on this machine, or a database of MotherDuck."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from dot_provider.api.errors import DotConfigError

MOTHERDUCK = ("md:", "motherduck:")

MEMORY = 64_000_000
"""Bytes that DuckDB may use at first, unless ``global_config`` has a ``memory_limit`` or ``threads``."""

_THREADS = 2  # each needs a part of the memory


def duckdb_credentials(credentials: Any, dataset: str) -> tuple[str, Any]:
    """Return dlt's destination and credentials for what somebody gave as those of DuckDB.

    DuckDB, which runs inside of this process, would take most of the machine's memory; unless ``global_config`` says
    otherwise it keeps to `MEMORY` and spills to disk.

    Raises:
        DotConfigError: It names no file; or one whose folder does not exist, or that is called like the dataset.
    """
    if credentials is None and _known_to_dlt():
        return "duckdb", None
    if isinstance(credentials, (str, Path)):
        credentials = {"database": str(credentials).removeprefix("duckdb:///")}
    credentials = {} if credentials is None else credentials
    if not isinstance(credentials, Mapping):
        return "duckdb", credentials  # an open connection
    database = str(credentials.get("database") or "")
    if not database:
        raise DotConfigError(
            "The DuckDB file has no path, and a file in whatever directory the load runs in is easily lost: give the "
            "path (database of the Airflow operator, credentials elsewhere)."
        )
    if database.startswith(":memory:"):
        raise DotConfigError("A DuckDB database in memory would be gone with the load: give the path of a file.")
    if database.startswith(MOTHERDUCK):
        rest = {name: value for name, value in credentials.items() if name != "database"}
        return "motherduck", {**rest, **motherduck_credentials(database, str(rest.get("password") or ""))}
    _check_file(Path(os.path.expanduser(database)), dataset)  # noqa: PTH111 - where there is no home, DuckDB says so
    config = credentials.get("global_config") or {}
    if not config.keys() & {"memory_limit", "threads"}:
        config = {"memory_limit": f"{MEMORY}B", "threads": _THREADS, **config}
    return "duckdb", {**credentials, "global_config": config}


def motherduck_credentials(text: str, token: str = "", schema: str = "") -> dict[str, Any]:
    """Return dlt's credentials for ``md:database?motherduck_token=...``, or for its parts.

    Raises:
        DotConfigError: There is no database in it.
    """
    place, _, query = text.partition(":")[2].partition("?")
    settings = dict(parse_qsl(query))
    found = {
        "database": place.strip("/") or schema,
        "password": settings.pop("motherduck_token", None) or settings.pop("token", None) or token,
        "query": settings,
    }
    if not found["database"]:
        raise DotConfigError("MotherDuck needs the name of a database: md:<database>, or the connection's schema.")
    return {name: value for name, value in found.items() if value}


def _check_file(file: Path, dataset: str) -> None:
    if file.stem.lower() == dataset.lower():
        # dot.duckdb is the catalog dot, in which a schema dot is ambiguous.
        raise DotConfigError(
            f"DuckDB cannot tell the schema {dataset} from the file {file.name} of the same name: "
            "give the file or the dataset another name."
        )
    check_folder("DuckDB", file)


def check_folder(kind: str, file: Path) -> None:
    """Refuse a database file whose folder does not exist: what the database says of it names no path.

    Raises:
        DotConfigError: Names folder and file.
    """
    if not file.parent.is_dir():
        raise DotConfigError(
            f"This machine has no folder {file.parent} for the {kind} file {file.name}: create it, or correct the path."
        )


def _known_to_dlt() -> bool:
    """Return whether dlt's own configuration has a place; without one dlt would write into the working directory."""
    from dot_provider.history.dlt_adapter import quiet_dlt

    place = "destination.duckdb.credentials"
    with quiet_dlt() as dlt:
        return any(dlt.secrets.get(name) for name in (place, f"{place}.database"))
