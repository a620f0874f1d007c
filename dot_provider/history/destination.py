"""Where history goes: any SQL warehouse that dlt knows and whose rows can be replaced in place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dot_provider.api.arguments import checked_text
from dot_provider.api.errors import DotConfigError, DotUsageError
from dot_provider.history import duckdb_file

# The driver that each of dlt's SQL destinations needs, and the extra of this package that brings it.
_DRIVERS = {
    "athena": ("pyathena", "athena"),
    "bigquery": ("google.cloud.bigquery", "bigquery"),
    "clickhouse": ("clickhouse_driver", "clickhouse"),
    "databricks": ("databricks.sql", "databricks"),
    "duckdb": ("duckdb", "warehouse"),
    "motherduck": ("duckdb", "motherduck"),
    "mssql": ("pyodbc", "mssql"),
    "postgres": ("psycopg2", "postgres"),
    "redshift": ("psycopg2", "redshift"),
    "snowflake": ("snowflake.connector", "snowflake"),
    "sqlalchemy": ("sqlalchemy", "sqlite"),
    "synapse": ("pyodbc", "synapse"),
}
_SYSTEM_LIBRARIES = {
    "pyodbc": "unixODBC (Debian: apt-get install unixodbc) and Microsoft's ODBC Driver 18 for SQL Server"
}

_SPOKEN = {"sqlite": "sqlite", "mysql": "mysql+pymysql"}
"""Warehouses that dlt knows as ``sqlalchemy`` only, and SQLAlchemy's names for them."""

DESTINATIONS = tuple(sorted({*_DRIVERS, *_SPOKEN}))
"""The names of all warehouses."""

BLANK_PASSWORD = " "  # noqa: S105
"""dlt insists on a password and strips it; a blank one leaves the choice to the server (peer, .pgpass)."""

DEFAULT_DATASET, SQLITE_SCHEMA = "dot", "main"

LONGEST_DATASET = 63
"""Characters that every warehouse takes as the name of a schema."""


@dataclass(frozen=True)
class WarehouseDestination:
    """A dlt destination and the credentials for it.

    Attributes:
        destination: dlt's name for the kind of warehouse, like ``"postgres"``.
        credentials: What dlt takes as credentials for it: a URL, a path, or a mapping. Not shown by ``repr``.
        options: Further settings of the dlt destination, like the location of a BigQuery dataset.
    """

    destination: str
    credentials: Any = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file, which is one schema."""
        place = self.credentials.get("drivername") if isinstance(self.credentials, Mapping) else self.credentials
        return self.destination == "sqlalchemy" and str(place).startswith("sqlite")


def usable_destination(
    name: str, credentials: Any, dataset: str, options: Mapping[str, Any] | None = None
) -> WarehouseDestination:
    """Return a destination as dlt takes it, refusing what cannot be loaded into before anything is read.

    A Postgres URL without a host means a Unix socket; a DuckDB path that begins with ``md:`` means MotherDuck.

    Raises:
        DotConfigError: The destination is unknown, its driver is not installed, or it cannot hold such a dataset.
    """
    if name in _SPOKEN:
        name, credentials = "sqlalchemy", _sqlalchemy_credentials(name, credentials)
    check_destination(name, credentials)
    if name == "duckdb":
        name, credentials = duckdb_file.duckdb_credentials(credentials, dataset)
    if name == "postgres" and isinstance(credentials, str):
        url = urlsplit(credentials)
        folder = parse_qs(url.query).get("host", [""])[0]
        if not url.hostname and folder.startswith("/"):
            known = {"username": unquote(url.username or ""), "password": unquote(url.password or "")}
            credentials = socket_credentials({"host": folder, "database": url.path.lstrip("/"), **known})
    found = WarehouseDestination(name, credentials, options or {})
    if found.is_sqlite:
        if str(credentials).rstrip("/") in ("sqlite:", "sqlite:///:memory:"):
            raise DotConfigError("A SQLite database in memory would be gone with the load: give the path of a file.")
        if str(credentials).startswith("sqlite:///"):
            duckdb_file.check_folder("SQLite", Path(unquote(str(credentials)[10:]).partition("?")[0]))
        if dataset not in (DEFAULT_DATASET, SQLITE_SCHEMA):
            raise DotConfigError(
                f"SQLite has no schemas, so the dataset {dataset} would be no place of its own: leave dataset out, and "
                "give each dataset a file of its own."
            )
    return found


def check_place(name: str, credentials: Any, dataset: str) -> None:
    """Refuse what cannot be loaded into before Dot is asked, as far as it is known: a function is not called yet.

    Raises:
        DotConfigError: As of `usable_destination`.
        DotUsageError: The dataset is empty or too long.
    """
    schema = dataset_name(dataset)
    if callable(credentials):
        check_destination(name)
    else:
        usable_destination(name, credentials, schema)


def known_destination(name: str) -> str:
    """Return the name of a warehouse, unless it is none.

    Raises:
        DotConfigError: It is none; the message lists them.
    """
    if name not in DESTINATIONS:
        raise DotConfigError(
            f"destination {str(name)[:40]!r} is no supported warehouse; choose one of {', '.join(DESTINATIONS)}."
        )
    return name


def check_destination(name: str, credentials: Any = None) -> None:
    """Refuse a destination that is unknown or whose driver is missing, before anything is read.

    Raises:
        DotConfigError: Names what is supported, or what to install.
    """
    name = known_destination(name)
    if name in _SPOKEN:
        name, credentials = "sqlalchemy", credentials or _SPOKEN[name]
    driver, extra = _DRIVERS[name]
    drivername = credentials.get("drivername") if isinstance(credentials, Mapping) else credentials
    needed = [("dlt", "warehouse"), ("pyarrow", "warehouse"), (driver, extra)]
    if name == "sqlalchemy" and str(drivername).startswith("mysql+pymysql"):
        needed = [*needed[:2], ("sqlalchemy", "mysql"), ("pymysql", "mysql")]
    for module, extra in needed:
        if not installed(module):
            raise DotConfigError(
                f"Loading into {name} needs the package {module}: pip install 'dot-provider[{extra}]'."
            )
    if driver in _SYSTEM_LIBRARIES:
        try:
            import_module(driver)
        except ImportError as error:
            library = str(error).split(":")[0]
            raise DotConfigError(
                f"Loading into {name} needs the system library {library} on the machine that runs the load: install "
                f"{_SYSTEM_LIBRARIES[driver]}."
            ) from None


def _sqlalchemy_credentials(name: str, credentials: Any) -> Any:
    """Return the credentials of a warehouse that users call by its own name: a file's path, a URL or a mapping."""
    if isinstance(credentials, Mapping):
        return {"drivername": _SPOKEN[name], **credentials}
    text = str(credentials or "").strip()
    if not text:
        raise DotConfigError(f"Loading into {name} needs credentials: the path of a file, or a URL.")
    if "://" not in text and name == "sqlite":
        return f"sqlite:///{text}"
    return text.replace("mysql://", "mysql+pymysql://", 1) if text.startswith("mysql://") else text


def dataset_name(dataset: str) -> str:
    """Return the name that a dataset has in the warehouse, by the rules of dlt's naming convention ``snake_case``.

    They are written down here once more because they are needed where importing dlt would be too dear; dlt takes the
    result as it is. A warehouse that has names in capitals writes it in capitals.

    Raises:
        DotUsageError: It is empty, or longer than `LONGEST_DATASET`.
    """
    text = checked_text("dataset", dataset).strip().translate(str.maketrans("+-*@|", "x_xal"))
    text = re.sub(r"([^_])([A-Z][a-z]+)", r"\1_\2", re.sub(r"[^a-zA-Z\d_]+", "_", text))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()
    text = f"_{text}" if re.match(r"\d", text) else text
    stripped = text.rstrip("_")
    text = re.sub("__+", "_", stripped + "x" * (len(text) - len(stripped)))
    if len(text) > LONGEST_DATASET:
        raise DotUsageError(f"dataset has {len(text)} characters; give a name of at most {LONGEST_DATASET}.")
    return text


def socket_credentials(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return dlt's credentials for a PostgreSQL whose host is the folder of a socket."""
    # The query's host wins over the one that dlt asks for.
    known = {
        **known,
        "host": "localhost",
        "password": known["password"] or BLANK_PASSWORD,
        "query": {"host": known["host"]},
    }
    return {name: value for name, value in known.items() if name != "port"}


def installed(module: str) -> bool:
    """Return whether a module could be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
