"""What loads that were killed left behind, and how the next load knows that they are dead.

A load stages its rows in a schema and a folder of its own, which nobody removes when the process is killed. There is no
lock that several machines and a dozen warehouses share, so time tells whether a load still lives: the schema's name
holds the day it was made, a load that is not ready to publish within `LONGEST_LOAD` gives up, and what is more than a
day old is removed by the next load of the same dataset. Clocks may differ by half a day.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from dot_provider.history.load_errors import HistoryLoadError

LONGEST_LOAD = 12 * 3600.0
"""Seconds that a load may take before it publishes."""

FOLDER = "dot-history-"
"""How the names of the folders begin."""

_DAY = timedelta(days=1)
_SUFFIX = re.compile(r"_staging_(\d{8})_[a-z]{8}")


def staging_name(dataset: str) -> str:
    """Return a name for the staging schema of one attempt to load ``dataset``: with the day, and used by no other."""
    attempt = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(8))
    return f"{dataset}_staging_{today():%Y%m%d}_{attempt}"


def check_age(started: float) -> None:
    """Keep a load from publishing what another one may be about to remove.

    Args:
        started: When it began, on the monotonic clock.

    Raises:
        HistoryLoadError: It began longer ago than `LONGEST_LOAD`.
    """
    if time.monotonic() - started > LONGEST_LOAD:
        raise HistoryLoadError(
            f"The load was not ready to publish within {LONGEST_LOAD / 3600:.0f} hours, so nothing was loaded: "
            "ask for fewer days at once.",
            retryable=False,
        )


def drop_schemas(sql: Any, staging: str) -> None:
    """Drop the schemas of dead loads into the dataset that ``staging`` is a staging schema of.

    Where the warehouse cannot list schemas in the usual way, none is found.

    Args:
        sql: A client of dlt's with an open connection.
        staging: A name that `staging_name` made, as the warehouse knows it.
    """
    dataset = _SUFFIX.sub("", staging)
    for (name,) in sql.execute_sql("SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA"):
        if _is_dead(str(name).lower(), dataset):
            with contextlib.suppress(Exception), sql.with_alternative_dataset_name(str(name).lower()):
                sql.drop_dataset()


def remove_folders() -> None:
    """Remove the folders of dead loads from this machine's directory for temporary files."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            written = max(path.lstat().st_mtime for path in (folder, *folder.iterdir()))
            if time.time() - written > _DAY.total_seconds():
                shutil.rmtree(folder, ignore_errors=True)


def today() -> date:
    """Return the day in UTC."""
    return datetime.now(timezone.utc).date()


def _is_dead(schema: str, dataset: str) -> bool:
    found = _SUFFIX.fullmatch(schema[len(dataset) :]) if schema.startswith(dataset) else None
    if found is not None:
        with contextlib.suppress(ValueError):
            return datetime.strptime(found[1], "%Y%m%d").date() < today() - _DAY
    return False
