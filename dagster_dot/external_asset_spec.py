"""Assets of other integrations, such as Tableau's or Looker's, as external assets of Dot's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from dagster_dot.spec import plain
from dot_provider.api import ExternalAsset

_TOOLS = frozenset(
    (
        *("evidence", "hex", "lightdash", "looker", "metabase", "mode", "omni", "powerbi", "preset", "qlik"),
        *("quicksight", "sigma", "superset", "tableau", "thoughtspot"),
    )
)


def external_asset_of(spec: dg.AssetSpec) -> ExternalAsset:
    """Return what Dot is told of an asset that a BI integration put into the graph.

    The id is the asset's key, the subtype its tool and type (``tableau_dashboard``, from the integration's tags and
    kinds), the folder its group, and the link the first web address among its metadata.
    """
    tool, kind = _tool_and_type(spec)
    return ExternalAsset(
        id=spec.key.to_user_string(),
        subtype=f"{tool}_{kind}",
        folder=spec.group_name or "",
        name=_title(spec),
        description=spec.description or "",
        url=_url(spec.metadata),
        dot_description=_markdown(spec),
    )


def _tool_and_type(spec: dg.AssetSpec) -> tuple[str, str]:
    # dagster-tableau, -powerbi and -sigma tag their assets "dagster-<tool>/asset_type".
    for tag, value in spec.tags.items():
        namespace, _, name = tag.partition("/")
        if name == "asset_type" and namespace.startswith("dagster-"):
            return namespace.removeprefix("dagster-"), value
    kinds = sorted(spec.kinds)
    tool = next((kind for kind in kinds if kind in _TOOLS), "dagster")
    return tool, next((kind for kind in kinds if kind not in _TOOLS), "asset")


def _title(spec: dg.AssetSpec) -> str:
    for name, value in spec.metadata.items():
        if name.rpartition("/")[2] in ("title", "name", "label") and isinstance(plain(value), str):
            return str(plain(value))
    return spec.key.path[-1].replace("_", " ")


def _url(metadata: Mapping[str, Any]) -> str:
    for value in metadata.values():
        text = plain(value)
        if isinstance(text, str) and text.startswith(("https://", "http://")):
            return text
    return ""


def _markdown(spec: dg.AssetSpec) -> str:
    lines = [f"# {_title(spec)}"]
    if spec.description:
        lines.append(f"\n{spec.description}")
    if spec.owners:
        lines.append(f"\n- Owner: {', '.join(spec.owners)}")
    parents = sorted(dep.asset_key.to_user_string() for dep in spec.deps)
    if parents:
        lines += ["\n## Built from\n", *(f"- {parent}" for parent in parents)]
    return "\n".join(lines)
