"""Dot's apps as dbt exposures: what ``GET /dbt/exposures`` answers, read and written into a dbt project.

As YAML the answer is an ``exposures.yml`` to be written as it is. To look into it, ask Dot for JSON: then no
YAML parser is needed, and Dot adds the apps that stand on no dbt model.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dot_provider.api.errors import DotProtocolError, DotUsageError
from dot_provider.api.records import list_of, record_of, text_of

_CALL = re.compile(r"\b(ref|source|metric)\s*\(([^()]*)\)")
_VERSION = re.compile(r"\b(?:v|version)\s*=\s*['\"]?([\w.]+)['\"]?")
_QUOTED = re.compile(r"['\"]([^'\"]+)['\"]")
_UNIQUE_ID = re.compile(r"(model|seed|snapshot|source|metric)\.([^.]+)\.(.+)")


@dataclass(frozen=True)
class DbtReference:
    """What an exposure depends on, as ``ref()``, ``source()`` or ``metric()`` name it.

    Attributes:
        kind: ``model`` (also of seeds and snapshots), ``source`` or ``metric``.
        name: name of the model, of the source's table, or of the metric.
        parent: the package of a model or metric where one is named, the source of a table; else None.
        version: the version of a model, where one is named.
    """

    kind: str
    name: str
    parent: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class DotExposure:
    """One of Dot's apps as a dbt exposure; texts may be empty. ``raw`` is the exposure as Dot sent it."""

    name: str
    type: str
    label: str
    url: str
    description: str
    owner_name: str
    owner_email: str
    depends_on: tuple[DbtReference, ...]
    raw: Mapping[str, Any] = field(repr=False)


def parse_exposures(records: Iterable[Mapping[str, Any]]) -> list[DotExposure]:
    """Read Dot's exposures and what each depends on.

    Parameters:
        records: the exposures as Dot sent them in JSON, such as ``DotClient.dbt_exposures().exposures``.

    Returns:
        Those that have a name, in Dot's order. Entries of ``depends_on`` that name nothing are left out.
    """
    return [_exposure(record) for record in records if text_of(record, "name")]


def parse_reference(text: str) -> DbtReference | None:
    """Read a dependency as an exposure names it.

    Understood are ``ref('orders')``, ``ref('shop', 'orders', v=2)``, ``source('web', 'visits')`` and
    ``metric('revenue')``. Also understood: the same inside ``{{ }}``, a node id such as
    ``model.shop.orders``, and the bare name of a model. Returns None for a text that names nothing.
    """
    call = _CALL.search(text)
    if call is None:
        return _named(text.strip())
    function, arguments = call.groups()
    version = _VERSION.search(arguments)
    names = _QUOTED.findall(_VERSION.sub("", arguments))
    if not names:
        return None
    return DbtReference(
        kind="model" if function == "ref" else function,
        name=names[-1],
        parent=names[-2] if len(names) > 1 else None,
        version=version.group(1) if version else None,
    )


def write_exposures(text: str, path: str | os.PathLike[str]) -> bool:
    """Write the ``exposures.yml`` that Dot sent, unless the file already says the same.

    The text lands under a temporary name first and then takes the file's place, so that a dbt that parses the
    project meanwhile sees the old or the new file.

    Parameters:
        text: Dot's answer to ``GET /dbt/exposures?format=yaml``, written as it is, ended by one newline.
        path: the file, such as ``models/dot_exposures.yml`` in a dbt project.

    Returns:
        Whether the file changed.

    Raises:
        DotProtocolError: the text is no ``exposures.yml``; the file is left as it was.
        DotUsageError: the file's folder does not exist, so the path is probably wrong.
    """
    if not re.search(r"^exposures\s*:", text, re.MULTILINE):
        raise DotProtocolError("Dot's answer is not an exposures.yml: it has no line that starts with exposures.")
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise DotUsageError(f"There is no folder {target.parent}: give the path of a file in the dbt project.")
    content = (text.rstrip("\n") + "\n").encode()
    if target.is_file() and target.read_bytes() == content:
        return False
    replace_file(target, content)
    return True


def replace_file(target: Path, content: bytes) -> None:
    """Write a file in one step, so that whoever reads it meanwhile has the old or the new one."""
    # A temporary file is readable by its owner only; dbt may run as somebody else.
    mode = target.stat().st_mode & 0o777 if target.is_file() else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _exposure(entry: Mapping[str, Any]) -> DotExposure:
    owner = record_of(entry, "owner")
    return DotExposure(
        name=text_of(entry, "name"),
        type=text_of(entry, "type"),
        label=text_of(entry, "label"),
        url=text_of(entry, "url"),
        description=text_of(entry, "description"),
        owner_name=text_of(owner, "name"),
        owner_email=text_of(owner, "email"),
        depends_on=tuple(_references(entry.get("depends_on"))),
        raw=entry,
    )


def _references(depends_on: Any) -> Iterator[DbtReference]:
    """Yield each dependency once, from a list of texts or, as in a manifest, from ``{"nodes": [...]}``."""
    entries = list_of(depends_on, "nodes") if isinstance(depends_on, Mapping) else depends_on
    texts = [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list | tuple) else []
    references = [parse_reference(text) for text in texts]
    yield from dict.fromkeys(reference for reference in references if reference is not None)


def _named(text: str) -> DbtReference | None:
    node = _UNIQUE_ID.fullmatch(text)
    if node is None:
        return DbtReference("model", text) if re.fullmatch(r"\w+", text) else None
    kind, parent, name = node.groups()
    if kind == "source":  # source.<package>.<source>.<table>
        source, _, table = name.rpartition(".")
        return DbtReference("source", table, source or None)
    model, _, version = name.partition(".v")
    return DbtReference("metric" if kind == "metric" else "model", model, parent, version or None)
