"""External assets written down in a file: JSON, YAML or CSV, one asset per row."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any, Protocol

from dot_provider.api.errors import DotConfigError, DotUsageError
from dot_provider.api.external_assets import ExternalAsset, external_assets
from dot_provider.api.records import MAX_DEPTH, UnreadableJsonError, parse_json

MAX_MERGED = 100_000
"""Fields of all mappings of a YAML file, those included that ``<<`` takes over from another one."""


class ReadablePath(Protocol):
    """A file in any storage, such as a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``."""

    def read_text(self, encoding: str | None = None) -> str:
        """Return the file's text."""


def read_asset_rows(path: ReadablePath) -> list[ExternalAsset]:
    """Return the rows of a file of external assets, for ``push_external_assets``.

    Args:
        path: a ``.json``, ``.yaml`` or ``.yml`` file with a list, or an object with the list under
            ``external_assets``; or a ``.csv`` file with the field names in its first line.

    Raises:
        DotUsageError: the file is missing, has another ending, is not what its ending says, or a row of it is wrong.
        DotConfigError: a YAML file, and PyYAML is not installed.
    """
    ending = str(path).rpartition(".")[2].lower()
    if ending not in _READERS:
        raise DotUsageError(f"{path} must be a .json, .yaml, .yml or .csv file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DotUsageError(f"There is no file {path}: give a path that this machine can read.") from None
    except OSError as error:
        raise DotUsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError:  # the bytes of the file, or a NUL in its path
        raise DotUsageError(f"{str(path)!r} is not a file written in UTF-8.") from None
    rows = _READERS[ending](text, str(path))
    if isinstance(rows, Mapping):
        rows = rows.get("external_assets")
    if not isinstance(rows, list):
        raise DotUsageError(f"{path} holds no list of assets: write a list, or an object with external_assets.")
    try:
        return list(external_assets(rows))
    except DotUsageError as error:
        raise DotUsageError(f"{path}: {error}") from None


def _json(text: str, name: str) -> Any:
    try:
        return parse_json(text, finite=False, max_memory=math.inf)
    except UnreadableJsonError as error:
        raise DotUsageError(f"{name} {error}.") from None


def parse_yaml(text: str, name: str) -> Any:
    """Return the document in a text of YAML, within bounds of depth and size.

    Raises:
        DotUsageError: it is no YAML; the message begins with ``name``.
        DotConfigError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise DotConfigError("Reading YAML needs PyYAML: pip install pyyaml.") from None

    class Loader(yaml.SafeLoader):
        """Within bounds: neither deep nor with merges that multiply each other."""

        depth = merged = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise yaml.YAMLError(f"it is nested more than {MAX_DEPTH} deep")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def flatten_mapping(self, node: Any) -> None:
            self.merged += sum(len(value.value) for key, value in node.value if key.value == "<<")
            super().flatten_mapping(node)
            self.merged += len(node.value)
            if self.merged > MAX_MERGED:
                raise yaml.YAMLError(f"its mappings, merged, have more than {MAX_MERGED} fields")

    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        # PyYAML lets the errors of Python through for a date that is none, a tag without a value and the like.
        raise DotUsageError(f"{name} is not YAML: {' '.join(str(error).split())[:300]}.") from None


def _csv(text: str, name: str) -> list[dict[str, str]]:
    if not text.strip():
        raise DotUsageError(f"{name} is empty: its first line must hold the names of the fields.")
    try:
        names, *rows = [row for row in csv.reader(io.StringIO(text)) if row] or [[]]
    except csv.Error as error:
        raise DotUsageError(f"{name} is not CSV: {error}.") from None
    for number, row in enumerate(rows, start=1):
        if any(row[len(names) :]):
            raise DotUsageError(f"{name}, asset row {number}: there are more cells than the first line has names.")
    return [dict(zip(names, row, strict=False)) for row in rows]


_READERS = {"json": _json, "yaml": parse_yaml, "yml": parse_yaml, "csv": _csv}
