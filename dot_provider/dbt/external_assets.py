"""dbt exposures as external assets: the dashboards a dbt project knows about, and what they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dot_provider.api.models.external_asset import ExternalAsset
from dot_provider.dbt.artifacts import AnyPath, Artifact, read_manifest
from dot_provider.dbt.results import find_node, relation


def external_assets_from_manifest(
    manifest: Artifact | AnyPath,
    *,
    types: Iterable[str] | None = None,
    skip_files: Iterable[str] = (),
) -> list[ExternalAsset]:
    """Turn each exposure of a dbt project into one external asset.

    The id is ``dbt.exposure.<project>.<name>``, so pushing again overwrites and a renamed exposure is a new
    asset. The subtype is ``dbt_`` and the exposure's type, such as ``dbt_dashboard``; the folder is the
    exposure's place in the project, such as ``shop/marts``. Dot asks for id and subtype only, so an exposure
    without a url becomes an asset too: Dot can still explain it and name its owner, there is just nothing to
    click.

    Parameters:
        manifest: the parsed ``manifest.json``, its path, or the target folder it is in.
        types: keep only exposures of these types, such as ``["dashboard"]``; all by default.
        skip_files: leave out exposures defined in these files, as paths inside the dbt project. Name the file
            here that Dot's own exposures are written to, else Dot's apps come back to Dot as external assets.

    Returns:
        The assets, sorted by id.

    Raises:
        DotUsageError: the manifest is missing, not JSON, or another artifact.
    """
    document = read_manifest(manifest)
    kept_types = None if types is None else set(types)
    skipped = set(skip_files)
    exposures = (document.get("exposures") or {}).items()
    return [
        _asset(unique_id, exposure, document)
        for unique_id, exposure in sorted(exposures)
        if (kept_types is None or exposure.get("type") in kept_types)
        and exposure.get("original_file_path") not in skipped
    ]


def _asset(unique_id: str, exposure: Mapping[str, Any], manifest: Artifact) -> ExternalAsset:
    return ExternalAsset(
        id=f"dbt.{unique_id}",
        subtype=f"dbt_{exposure.get('type') or 'exposure'}",
        folder="/".join(exposure.get("fqn", [])[:-1]),
        name=_title(exposure),
        description=exposure.get("description") or "",
        url=exposure.get("url") or "",
        dot_description="\n".join(_markdown(exposure, manifest)),
    )


def _markdown(exposure: Mapping[str, Any], manifest: Artifact) -> Iterator[str]:
    """Write what Dot should know: what it is, who owns it, and each model below with its columns."""
    yield f"# {_title(exposure)}"
    if exposure.get("description"):
        yield f"\n{exposure['description'].strip()}"
    yield ""
    facts = {
        "Type": exposure.get("type"),
        "Owner": _owner(exposure.get("owner") or {}),
        "Link": exposure.get("url"),
        "Maturity": exposure.get("maturity"),
        "Tags": ", ".join(exposure.get("tags") or []),
    }
    yield from (f"- {name}: {value}" for name, value in facts.items() if value)
    parents = (exposure.get("depends_on") or {}).get("nodes") or []
    if parents:
        yield "\n## Built from"
    for unique_id in parents:
        yield from _parent(unique_id, find_node(manifest, unique_id))


def _parent(unique_id: str, node: Mapping[str, Any]) -> Iterator[str]:
    name = node.get("name") or unique_id
    if node.get("source_name"):
        name = f"{node['source_name']}.{name}"
    if node.get("version") is not None:
        name = f"{name} (version {node['version']})"
    table = relation(node)
    yield f"\n### {name}" + (f" (`{table}`)" if table else "")
    if node.get("description"):
        yield f"\n{node['description'].strip()}"
    columns = list((node.get("columns") or {}).values())
    if columns:
        yield "\n| column | type | description |\n|---|---|---|"
    for column in columns:
        cells = (column.get("name"), column.get("data_type"), column.get("description"))
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _title(exposure: Mapping[str, Any]) -> str:
    return str(exposure.get("label") or exposure.get("name"))


def _owner(owner: Mapping[str, Any]) -> str:
    email = owner.get("email") or ""
    address = ", ".join(email) if isinstance(email, list) else str(email)
    name = str(owner.get("name") or "")
    return f"{name} <{address}>" if name and address else name or address


def _cell(value: object) -> str:
    return " ".join(str(value or "").split()).replace("|", r"\|")
