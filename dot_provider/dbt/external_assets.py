"""dbt exposures as external assets: the dashboards a dbt project knows about, and what they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dot_provider.api.external_assets import WEB, ExternalAsset
from dot_provider.api.records import list_of, record_of, text_of
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
    exposures = record_of(document, "exposures")
    return [
        _asset(unique_id, exposure, document)
        for unique_id in sorted(exposures)
        if (exposure := record_of(exposures, unique_id))
        and (kept_types is None or text_of(exposure, "type") in kept_types)
        and text_of(exposure, "original_file_path") not in skipped
    ]


def _asset(unique_id: str, exposure: Mapping[str, Any], manifest: Artifact) -> ExternalAsset:
    url = text_of(exposure, "url")
    return ExternalAsset(
        id=f"dbt.{unique_id}",
        subtype=f"dbt_{text_of(exposure, 'type') or 'exposure'}",
        folder="/".join(str(part) for part in list_of(exposure, "fqn")[:-1]),
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
    parents = [str(parent) for parent in list_of(record_of(exposure, "depends_on"), "nodes")]
    if parents:
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
