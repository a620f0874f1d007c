"""An asset whose materialization tells Dot of dashboards and data apps, so that it recommends them in answers.

Those of other integrations, such as Tableau's or Looker's, are read off their specs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder, report_metadata
from dagster_dot.asset_options import AssetOptions, asset_spec, plain
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.scaffolding import SCHEDULE, dot_component, in_project
from dot_provider.api import DotUsageError, ExternalAsset
from dot_provider.api.push import Prune, checked_prune, push_external_assets

if TYPE_CHECKING:
    from dot_provider.api import DotClient

Assets = Iterable[Any] | Callable[[], Iterable[Any]]


@asset_builder
def build_dot_external_assets_asset(
    *,
    assets: Assets | None = None,
    assets_file: str | os.PathLike[str] | None = None,
    dbt_manifest: str | os.PathLike[str] | None = None,
    skip_files: Sequence[str] = (),
    prune: bool | Prune = False,
    dry_run: bool = False,
    subtype: str | None = None,
    folder: str | None = None,
    **options: Unpack[AssetOptions],
) -> AssetStep:
    """Build the asset that keeps Dot's external assets as this code location knows them.

    ``POST /import_and_overwrite_external_asset`` for each that Dot does not have in the same words, side by side. One
    that fails does not keep the rest from being sent; the step fails at the end and lists what failed.

    Args:
        assets: dashboards, each a mapping with ``id``, ``subtype`` and further fields. In Python also ``ExternalAsset``
            objects, specs of assets that another integration made (Tableau, Looker, Power BI, Sigma, Omni), or a
            function that returns them when the step runs.
        assets_file: a JSON, YAML or CSV file with one asset per row, instead.
        dbt_manifest: a dbt project's ``manifest.json`` or the folder it is in, instead: its exposures, but for Dot's
            own, which are those in a file ``dot_exposures.yml``.
        skip_files: files of the dbt project whose exposures are left out, as paths inside it.
        prune: what to do with assets of Dot's that are no longer listed: nothing (False), ``"delete"`` them (or True),
            or ``"deactivate"``. Only those with a subtype and folder of the pushed ones are looked at.
        dry_run: True to send nothing and show what would be done.
        subtype: prune only assets of this subtype.
        folder: prune only assets in this folder.
        **options: see ``AssetOptions``; the key is ``dot/external_assets`` by default.

    Raises:
        DotUsageError: not exactly one source is given, or ``prune`` is unknown.

    Examples:
        >>> build_dot_external_assets_asset(dbt_manifest=project.manifest_path, prune=True)
        >>> build_dot_external_assets_asset(assets=lambda: tableau_specs)
    """
    if sum(source is not None for source in (assets, assets_file, dbt_manifest)) != 1:
        raise DotUsageError("Give exactly one of assets, assets_file and dbt_manifest.")
    checked_prune(prune)

    def push_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        if dbt_manifest is not None:
            from dot_provider.dbt import external_assets_from_manifest

            listed: list[Any] = external_assets_from_manifest(
                dbt_manifest, skip_files=skip_files, origin=client.server.origin, report=context.log.info
            )
        else:
            listed = list(_listed(assets, assets_file))
        if assets_file is not None and not listed:
            context.log.warning(f"{assets_file} holds no assets.")
        push = push_external_assets(listed, prune, dry_run, subtype=subtype, folder=folder)
        report = client.run(push, context.log.info)
        facts = report_metadata(report.require_complete())
        yield dg.MaterializeResult(metadata={"dagster/row_count": len(report.items), **facts})

    what = "Dashboards and data apps that Dot recommends in answers."
    return AssetStep([asset_spec(["dot", "external_assets"], what, **options)], push_step, options)


def _listed(assets: Assets | None, assets_file: str | os.PathLike[str] | None) -> Iterator[Any]:
    if assets_file is not None:
        from dot_provider.api.asset_file import read_asset_rows

        yield from read_asset_rows(Path(assets_file))
    else:
        for asset in assets() if callable(assets) else assets or ():
            if isinstance(asset, dg.AssetsDefinition):
                yield from (external_asset_of(spec) for spec in asset.specs)
            else:
                yield external_asset_of(asset) if isinstance(asset, dg.AssetSpec) else asset


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


@dot_component(
    "Dot: push external assets",
    scaffold={"dbt_target": "dbt/target", "prune": (Literal["delete", "deactivate"] | None, None), **SCHEDULE},
    attributes=lambda made: {
        "dbt_manifest": in_project(f"{made.dbt_target}/manifest.json"),
        "prune": made.prune or False,
        "schedule": made.schedule,
    },
)
class DotExternalAssetsComponent(DotAssetComponent):
    """Tells Dot of the exposures of a dbt project, or of a list of dashboards, so that it recommends them."""

    builder: ClassVar[Callable[..., Any]] = build_dot_external_assets_asset

    dbt_manifest: str | None = None
    skip_files: Sequence[str] = ()
    assets: Sequence[Mapping[str, Any]] | None = None
    assets_file: str | None = None
    prune: bool | Literal["delete", "deactivate"] = False
    subtype: str | None = None
    folder: str | None = None
    dry_run: bool = False
