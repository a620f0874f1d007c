"""Dot's apps as dbt exposures: what ``GET /dbt/exposures`` answers, read and written into a dbt project.

As YAML the answer is an ``exposures.yml`` to be written as it is. To look into it, ask Dot for JSON: then no
YAML parser is needed, and Dot adds the apps that stand on no dbt model.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dot_provider.api.asset_file import parse_yaml
from dot_provider.api.errors import DotConfigError, DotProtocolError, DotUsageError
from dot_provider.api.records import list_of, record_of, text_of
from dot_provider.dbt.artifacts import AnyPath, Artifact, read_manifest

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


PREFIX = "dot_"
"""Begins the names of Dot's exposures, because dbt refuses two exposures of one name, whatever their files."""


def write_exposures(
    text: str,
    path: str | os.PathLike[str],
    *,
    manifest: Artifact | AnyPath | None = None,
    parse_command: Sequence[str] = (),
) -> bool:
    """Write the ``exposures.yml`` that Dot sent, unless the file already says the same.

    The text lands under a temporary name first and then takes the file's place, so that a dbt that parses the
    project meanwhile sees the old or the new file.

    Parameters:
        text: Dot's answer to ``GET /dbt/exposures?format=yaml``. It is written as it is, ended by one newline, unless a
            name in it does not begin with ``dot_`` or stands there twice: it gets ``dot_``, and ``_2`` behind it.
        path: the file, such as ``models/dot_exposures.yml`` in a dbt project.
        manifest: of the project: an exposure of another file that has the name of one of Dot's is refused.
        parse_command: such as ``["dbt", "parse"]``, run in the project where the file changed, with
            ``DBT_PARTIAL_PARSE=false``; where it fails, the old file is put back.

    Returns:
        Whether the file changed.

    Raises:
        DotProtocolError: the text is no ``exposures.yml``; the file is left as it was.
        DotUsageError: the file's folder does not exist, so the path is probably wrong; a name is taken; or dbt does not
            parse the project with the new file.
    """
    text, _ = checked_exposures(text, path, manifest)
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise DotUsageError(f"There is no folder {target.parent}: give the path of a file in the dbt project.")
    content = (text.rstrip("\n") + "\n").encode()
    before = target.read_bytes() if target.is_file() else None
    if before == content:
        return False
    replace_file(target, content)
    if parse_command and (said := _refusal(parse_command, target)):
        replace_file(target, before) if before is not None else target.unlink()
        raise DotUsageError(f"dbt does not parse the project with Dot's exposures; {target} is as it was. {said}")
    return True


def checked_exposures(text: str, path: Any, manifest: Artifact | AnyPath | None = None) -> tuple[str, tuple[str, ...]]:
    """Return Dot's ``exposures.yml`` for the file ``path``, and its names, each once and in no other file.

    Raises:
        DotProtocolError: the text is no ``exposures.yml``.
        DotUsageError: an exposure of another file has the name of one of Dot's.
    """
    try:
        document = parse_yaml(text, "Dot's answer")
    except DotConfigError:
        raise
    except DotUsageError as error:
        raise DotProtocolError(str(error)) from None
    entries: Any = document.get("exposures") if isinstance(document, dict) else None
    is_yaml = isinstance(entries, list) and not text.lstrip().startswith("{")
    if not is_yaml or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in entries):
        raise DotProtocolError("Dot's answer is not an exposures.yml: it has no list of exposures with names.")
    names: dict[str, None] = {}  # in their order
    alike: Counter[str] = Counter()
    for entry in entries:
        name = wanted = PREFIX + entry["name"].removeprefix(PREFIX)
        while name in names:
            alike[wanted] += 1
            name = f"{wanted}_{alike[wanted] + 1}"
        names[name] = None
    if [*names] != [entry["name"] for entry in entries]:
        import yaml

        document["exposures"] = [{**entry, "name": name} for entry, name in zip(entries, names, strict=True)]
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    own = record_of(read_manifest(manifest), "exposures") if manifest is not None else {}
    for exposure in (record_of(own, unique_id) for unique_id in own):
        file, name = text_of(exposure, "original_file_path"), text_of(exposure, "name")
        if name in names and not Path(str(path)).as_posix().endswith(Path(file).as_posix()):
            raise DotUsageError(f"The exposure {name} stands in {file} and in Dot's {path}: rename the one in {file}.")
    return text, tuple(names)


def _refusal(command: Sequence[str], target: Path) -> str:
    """Return what a command said that failed in the project of ``target``, and nothing where it did not fail."""
    project = next((folder for folder in target.parents if (folder / "dbt_project.yml").is_file()), target.parent)
    whole = {**os.environ, "DBT_PARTIAL_PARSE": "false"}  # a partial parse does not see two exposures of one name
    try:
        done = subprocess.run(  # noqa: S603
            list(command), cwd=project, env=whole, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror or error}."
    said = " ".join((done.stdout + done.stderr).split())
    return "" if done.returncode == 0 else f"{' '.join(command)} said: {said[-600:]}"


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
    texts = {name: text_of(entry, name) for name in ("name", "type", "label", "url", "description")}
    return DotExposure(
        **texts,
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
