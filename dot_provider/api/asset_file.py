"""External assets written down in a file: JSON, YAML or CSV, one asset per row."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any, Protocol

from dot_provider.api.errors import DotConfigError, DotUsageError, brief
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
        # A second list, or a sign that there are further pages, would be assets that are not here.
        others = [str(name) for name in rows if name != "external_assets" and not str(name).startswith("x-")]
        if "external_assets" in rows and others:
            raise DotUsageError(
                f"{path}: beside external_assets there is {brief(others[0])}, which is not read: remove it."
            )
        rows = rows.get("external_assets")
    if not isinstance(rows, list):
        raise DotUsageError(f"{path} holds no list of assets: write a list, or an object with external_assets.")
    try:
        return list(external_assets(rows))
    except DotUsageError as error:
        raise DotUsageError(f"{path}: {error}") from None


def _json(text: str, name: str) -> Any:
    try:
        return parse_json(text, max_memory=math.inf, distinct=True)
    except UnreadableJsonError as error:
        raise DotUsageError(f"{name} {error}.") from None


def parse_yaml(text: str, name: str) -> Any:
    """Return the document in a text of YAML, within bounds of depth and size.

    Numbers that are not written as Python writes them stay text, and so do times: the id ``010`` must not become 8.

    Raises:
        DotUsageError: it is no YAML, or names a field twice; the message begins with ``name``.
        DotConfigError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise DotConfigError("Reading YAML needs PyYAML: pip install pyyaml.") from None

    class Loader(yaml.SafeLoader):
        """Within bounds: neither deep nor with merges that multiply each other; no field is lost, no number changed."""

        depth = merged = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise yaml.YAMLError(f"it is nested more than {MAX_DEPTH} deep")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            seen: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                    raise yaml.YAMLError(f"line {key.start_mark.line + 1}: {brief(key.value)} stands there twice")
                seen.add((key.tag, str(key.value)))
            return node

        def construct_number(self, node: Any) -> Any:
            make = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
            number = make(node)
            return number if str(number) == node.value else self.construct_yaml_str(node)

        def flatten_mapping(self, node: Any) -> None:
            self.merged += sum(len(value.value) for key, value in node.value if key.value == "<<")
            super().flatten_mapping(node)
            self.merged += len(node.value)
            if self.merged > MAX_MERGED:
                raise yaml.YAMLError(f"its mappings, merged, have more than {MAX_MERGED} fields")

    loader: Any = Loader
    loader.add_constructor("tag:yaml.org,2002:int", loader.construct_number)
    loader.add_constructor("tag:yaml.org,2002:float", loader.construct_number)
    loader.add_constructor("tag:yaml.org,2002:timestamp", loader.construct_yaml_str)
    try:
        return yaml.load(text, loader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        # PyYAML lets the errors of Python through for a date that is none, a tag without a value and the like.
        raise DotUsageError(f"{name} is not YAML: {' '.join(str(error).split())[:300]}.") from None


def _csv(text: str, name: str) -> list[dict[str, str]]:
    if not text.strip():
        raise DotUsageError(f"{name} is empty: its first line must hold the names of the fields.")
    try:
        # Strict, because a quote that is never closed would take all rows behind it into its cell.
        names, *rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row] or [[]]
    except csv.Error as error:
        why = "a quote is never closed" if str(error) == "unexpected end of data" else error
        raise DotUsageError(f"{name} is not CSV: {why}. A quote in a cell is doubled, and the cell quoted.") from None
    for sign, called in ((";", "';'"), ("\t", "a tab")):
        if len(names) == 1 and sign in names[0]:
            raise DotUsageError(f"{name}: its cells are separated by {called}: use commas.")
    if twice := next((one for one in names if names.count(one) > 1), None):
        raise DotUsageError(f"{name}: the first line names {brief(twice)} twice.")
    for number, row in enumerate(rows, start=1):
        if any(row[len(names) :]):
            raise DotUsageError(f"{name}, asset row {number}: there are more cells than the first line has names.")
        if len(row) < len(names):
            raise DotUsageError(f"{name}, asset row {number}: there are fewer cells than names. Is the file cut off?")
    return [dict(zip(names, row, strict=False)) for row in rows]


_READERS = {"json": _json, "yaml": parse_yaml, "yml": parse_yaml, "csv": _csv}
