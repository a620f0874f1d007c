"""dbt exposures as external assets: the dashboards a dbt project knows about, and what they stand on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dot_provider.api.errors import DotUsageError, brief
from dot_provider.api.external_assets import WEB, ExternalAsset
from dot_provider.api.records import list_of, record_of, text_of
from dot_provider.dbt.artifacts import AnyPath, Artifact, read_manifest
from dot_provider.dbt.results import find_node, relation

_log = logging.getLogger("dot_provider")

_META = {"id": str, "subtype": str, "folder": str, "skip": bool}

DOTS_FILE = "dot_exposures.yml"
"""The file that Dot's own exposures are written to, in any folder of a project, where nobody names another."""


def external_assets_from_manifest(
    manifest: Artifact | AnyPath,
    *,
    types: Iterable[str] | None = None,
    skip_files: Iterable[str] = (),
    origin: str | None = None,
    report: Callable[[str], None] = _log.info,
) -> list[ExternalAsset]:
    """Turn each exposure of a dbt project into one external asset.

    Dot's own exposures are left out, else each turn would bring Dot's apps back to Dot as dashboards of dbt's: those in
    a file ``dot_exposures.yml``, those that lead to ``origin``, and those with ``meta: {dot: {skip: true}}``.

    The id is ``dbt.exposure.<project>.<name>``, so pushing again overwrites and a renamed exposure is a new
    asset. The subtype is ``dbt_`` and the exposure's type, such as ``dbt_dashboard``; the folder is the
    exposure's place in the project, such as ``shop/marts``. Each may stand in ``meta: {dot: {id: ...}}`` instead;
    an id there outlasts the exposure's name. Dot asks for id and subtype only, so an exposure without a url becomes
    an asset too: Dot can still explain it and name its owner, there is just nothing to click.

    Parameters:
        manifest: the parsed ``manifest.json``, its path, or the target folder it is in.
        types: keep only exposures of these types, such as ``["dashboard"]``; all by default.
        skip_files: leave out exposures defined in these files, as paths inside the dbt project: the file that
            Dot's own are written to, where it has another name.
        origin: of Dot, such as ``https://app.getdot.ai``.
        report: is told of those that are left out, and of those that lead nowhere, in a line each.

    Returns:
        The assets, sorted by id.

    Raises:
        DotUsageError: the manifest is missing, not JSON, or another artifact; or ``meta: {dot: ...}`` of an exposure
            has another field or value than these.
    """
    document = read_manifest(manifest)
    kept_types = None if types is None else set(types)
    skipped = set(skip_files)
    exposures = record_of(document, "exposures")
    found = {id_: exposure for id_ in sorted(exposures) if (exposure := record_of(exposures, id_))}
    metas = {id_: _meta(id_, exposure) for id_, exposure in found.items()}
    own = [id_ for id_, exposure in found.items() if _is_dots(exposure, skipped, origin)]
    hidden = [id_ for id_ in found if id_ not in own and metas[id_].get("skip")]
    kept = {
        id_: exposure
        for id_, exposure in found.items()
        if id_ not in {*own, *hidden} and (kept_types is None or text_of(exposure, "type") in kept_types)
    }
    nowhere = [id_ for id_, one in kept.items() if not text_of(one, "url") and not _parents(one)]
    said = {"Left out, as Dot's own": own, "Left out, as meta.dot says skip": hidden}
    for words, ids in (said | {"Pushed without a url and without models": nowhere}).items():
        if ids:
            report(f"{words}: {', '.join(ids)}")
    return [_asset(id_, exposure, metas[id_], document) for id_, exposure in kept.items()]


def _is_dots(exposure: Mapping[str, Any], files: set[str], origin: str | None) -> bool:
    file, url = text_of(exposure, "original_file_path"), text_of(exposure, "url")
    leads_to_dot = origin is not None and f"{url}/".startswith(f"{origin.rstrip('/')}/")
    return leads_to_dot or file in files or file.replace("\\", "/").rpartition("/")[2] == DOTS_FILE


def _meta(unique_id: str, exposure: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what ``meta`` says under ``dot``; dbt 1.10 and newer have it in ``config``."""
    metas = record_of(record_of(exposure, "config"), "meta"), record_of(exposure, "meta")
    said: Any = next((meta["dot"] for meta in metas if "dot" in meta), {})
    if not isinstance(said, Mapping):
        raise DotUsageError(f"meta.dot of {unique_id} must be a mapping such as {{skip: true}}, not {brief(said)}.")
    for name, value in said.items():
        if name not in _META:
            raise DotUsageError(
                f"meta.dot of {unique_id} has an unknown field {brief(name)}; it takes {', '.join(_META)}."
            )
        if not isinstance(value, _META[name]):
            needed = "true or false" if _META[name] is bool else "a text"
            raise DotUsageError(f"meta.dot of {unique_id}: {name} must be {needed}, not {brief(value)}.")
    return said


def _parents(exposure: Mapping[str, Any]) -> list[str]:
    return [str(parent) for parent in list_of(record_of(exposure, "depends_on"), "nodes")]


def _asset(unique_id: str, exposure: Mapping[str, Any], meta: Mapping[str, Any], manifest: Artifact) -> ExternalAsset:
    url = text_of(exposure, "url")
    return ExternalAsset(
        id=text_of(meta, "id") or f"dbt.{unique_id}",
        subtype=text_of(meta, "subtype") or f"dbt_{text_of(exposure, 'type') or 'exposure'}",
        folder=text_of(meta, "folder") or "/".join(str(part) for part in list_of(exposure, "fqn")[:-1]),
        name=_title(exposure),
        description=text_of(exposure, "description"),
        url=url if url.startswith(WEB) else "",  # dbt takes any text, which the description shows
        dot_description="\n".join(_markdown(exposure, manifest)),
    )


def _markdown(exposure: Mapping[str, Any], manifest: Artifact) -> Iterator[str]:
    """Write what Dot should know: what it is, who owns it, and each model below with its columns."""
    yield f"# {_title(exposure)}"
    if description := text_of(exposure, "description").strip():
        yield f"\n{description}"
    yield ""
    facts = {
        "Type": text_of(exposure, "type"),
        "Owner": _owner(record_of(exposure, "owner")),
        "Link": text_of(exposure, "url"),
        "Maturity": text_of(exposure, "maturity"),
        "Tags": ", ".join(str(tag) for tag in list_of(exposure, "tags")),
    }
    yield from (f"- {name}: {value}" for name, value in facts.items() if value)
    if parents := _parents(exposure):
        yield "\n## Built from"
    for unique_id in parents:
        yield from _parent(unique_id, find_node(manifest, unique_id))


def _parent(unique_id: str, node: Mapping[str, Any]) -> Iterator[str]:
    name = text_of(node, "name") or unique_id
    if source := text_of(node, "source_name"):
        name = f"{source}.{name}"
    if version := text_of(node, "version"):
        name = f"{name} (version {version})"
    table = relation(node)
    yield f"\n### {name}" + (f" (`{table}`)" if table else "")
    if description := text_of(node, "description").strip():
        yield f"\n{description}"
    columns = record_of(node, "columns")
    if columns:
        yield "\n| column | type | description |\n|---|---|---|"
    for column in (record_of(columns, key) for key in columns):
        cells = (text_of(column, field) for field in ("name", "data_type", "description"))
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _title(exposure: Mapping[str, Any]) -> str:
    return text_of(exposure, "label", "name")


def _owner(owner: Mapping[str, Any]) -> str:
    address = ", ".join(map(str, list_of(owner, "email"))) or text_of(owner, "email")
    name = text_of(owner, "name")
    return f"{name} <{address}>" if name and address else name or address


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", r"\|")
