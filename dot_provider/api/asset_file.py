"""External assets written down in a file: JSON, YAML or CSV, one asset per row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Protocol

from dot_provider.api.errors import DotConfigError, DotUsageError


class ReadablePath(Protocol):
    """A file in any storage, such as a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``."""

    def read_text(self, encoding: str | None = None) -> str:
        """Return the file's text."""


def read_asset_rows(path: ReadablePath) -> list[Any]:
    """Return the rows of a file of external assets, for ``push_external_assets``, which checks each.

    Args:
        path: a ``.json``, ``.yaml`` or ``.yml`` file with a list, or an object with the list under
            ``external_assets``; or a ``.csv`` file with the field names in its first line.

    Raises:
        DotUsageError: the file is missing, has another ending, or is not what its ending says.
        DotConfigError: a YAML file, and PyYAML is not installed.
    """
    ending = str(path).rpartition(".")[2].lower()
    if ending not in _READERS:
        raise DotUsageError(f"{path} must be a .json, .yaml, .yml or .csv file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DotUsageError(f"{path} is not written in UTF-8.") from None
    except FileNotFoundError:
        raise DotUsageError(f"There is no file {path}: give a path that this machine can read.") from None
    except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise DotUsageError(f"{path} cannot be read: {error.strerror}.") from None
    rows = _READERS[ending](text, str(path))
    if isinstance(rows, Mapping):
        rows = rows.get("external_assets")
    if not isinstance(rows, list):
        raise DotUsageError(f"{path} holds no list of assets: write a list, or an object with external_assets.")
    return rows


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DotUsageError(f"{name} is not JSON: {error}.") from None


def _yaml(text: str, name: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise DotConfigError("Reading assets from YAML needs PyYAML: pip install pyyaml.") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DotUsageError(f"{name} is not YAML: {' '.join(str(error).split())}.") from None


def _csv(text: str, name: str) -> list[dict[str, str]]:
    if not text.strip():
        raise DotUsageError(f"{name} is empty: its first line must hold the names of the fields.")
    reader = csv.DictReader(io.StringIO(text), restkey="", restval="")
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DotUsageError(f"{name} is not CSV: {error}.") from None
    for number, row in enumerate(rows, start=1):
        if "" in row and any(row[""]):
            raise DotUsageError(f"{name}, asset row {number}: there are more cells than the first line has names.")
        row.pop("", None)
    return rows


_READERS = {"json": _json, "yaml": _yaml, "yml": _yaml, "csv": _csv}
