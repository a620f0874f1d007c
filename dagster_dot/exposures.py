"""Dot's own dashboards and apps in the asset graph, downstream of the dbt models they read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from dagster_dot.asset_options import GROUP, cleaned, distinct_names, plain
from dagster_dot.resource import DotResource, quick_client
from dot_provider.api import DotError, DotUsageError
from dot_provider.dbt import DbtReference, DotExposure, parse_exposures

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,7}")

DbtAssets = Iterable[dg.AssetsDefinition | dg.AssetSpec]


def build_dot_exposure_specs(
    *,
    dbt_assets: DbtAssets,
    dot: DotResource | None = None,
    exposures: Iterable[Mapping[str, Any]] | None = None,
    connection_id: str | None = None,
    group_name: str = GROUP,
) -> list[dg.AssetSpec]:
    """Return a spec for each of Dot's apps that rests on dbt models, to be put into ``Definitions`` as they are.

    ``GET /dbt/exposures``; a modeler's or admin's token. While Dot cannot be reached the code location loads all the
    same, without these assets, and says so in its log; give ``exposures`` from a file to keep the last state instead.

    Args:
        dbt_assets: the dbt models in the graph, as ``@dbt_assets`` made them.
        dot: the resource to ask, when the code location loads.
        exposures: records from an earlier ``DotClient.dbt_exposures()`` instead.
        connection_id: only exposures of this dbt connection of Dot's.
        group_name: group in the asset graph.

    Raises:
        DotUsageError: both or none of ``dot`` and ``exposures`` are given.

    Examples:
        >>> build_dot_exposure_specs(dbt_assets=[shop_dbt_assets], dot=dot)
    """
    if (dot is None) == (exposures is None):
        raise DotUsageError("Give dot or exposures, one of the two.")
    records = exposures if exposures is not None else _fetched(dot, connection_id)
    return exposure_specs(records, dbt_assets, group_name)


def fetch_exposures(dot: DotResource, connection_id: str | None = None) -> list[Mapping[str, Any]]:
    """Return Dot's exposures as records, or fail soon.

    Raises:
        DotError: the call failed.
    """
    with quick_client(dot) as client:
        return list(client.dbt_exposures(connection_id).exposures)


def exposure_specs(
    records: Iterable[Mapping[str, Any]], dbt_assets: DbtAssets, group_name: str = GROUP
) -> list[dg.AssetSpec]:
    """Return the spec of each exposure in ``records``."""
    return [exposure_spec(exposure, parents, group_name) for exposure, parents in parented(records, dbt_assets)]


def parented(
    records: Iterable[Mapping[str, Any]], dbt_assets: DbtAssets
) -> Iterator[tuple[DotExposure, list[dg.AssetKey]]]:
    """Yield each exposure in ``records`` with the assets it rests on; a model that is no asset counts by its name.

    Whatever people write in Dot, the code location loads: names that would be one asset are told apart, and a record
    that cannot be read is left out and told.
    """
    keys = _keys_by_model(dbt_assets)
    exposures = list(_readable(records))
    for exposure, name in zip(exposures, distinct_names([exposure.name for exposure in exposures]), strict=True):
        found = (keys.get(_model(reference), dg.AssetKey(reference.name)) for reference in exposure.depends_on)
        yield replace(exposure, name=name, label=exposure.label or exposure.name), list(dict.fromkeys(found))


def exposure_spec(exposure: DotExposure, parents: Iterable[dg.AssetKey], group_name: str = GROUP) -> dg.AssetSpec:
    """Return the spec of one of Dot's apps: its title, link, owner and what it rests on."""
    email = exposure.owner_email
    metadata: dict[str, Any] = {"title": exposure.label or exposure.name}
    if exposure.url:
        metadata["url"] = dg.MetadataValue.url(exposure.url)
    if exposure.owner_name:
        metadata["owner"] = exposure.owner_name
    return dg.AssetSpec(
        key=dg.AssetKey([GROUP, "apps", cleaned(exposure.name)]),
        deps=list(parents),
        description=exposure.description or None,
        group_name=group_name,
        # Dagster refuses an owner that is neither an address nor a team.
        owners=[email] if _ADDRESS.fullmatch(email) else [],
        kinds={"dot", cleaned(exposure.type)} if exposure.type else {"dot"},
        metadata=metadata,
    )


def _fetched(dot: DotResource | None, connection_id: str | None) -> list[Mapping[str, Any]]:
    assert dot is not None
    try:
        return fetch_exposures(dot, connection_id)
    except DotError as error:
        dg.get_dagster_logger("dagster_dot").error(f"Dot's dashboards are missing in the asset graph: {error}")
        return []


def _readable(records: Iterable[Mapping[str, Any]]) -> Iterator[DotExposure]:
    for record in records:
        try:
            yield from parse_exposures([record])
        except Exception as error:  # whatever the record is, the code location loads
            dg.get_dagster_logger("dagster_dot").error(f"An app of Dot's is missing in the asset graph: {error!r}")


def _keys_by_model(dbt_assets: DbtAssets) -> dict[str, dg.AssetKey]:
    """Return the asset key of each dbt node by its name, from the node's id that dagster-dbt puts into metadata."""
    keys = {}
    for assets in dbt_assets:
        for spec in assets.specs if isinstance(assets, dg.AssetsDefinition) else [assets]:
            unique_id = str(plain(spec.metadata.get("dagster_dbt/unique_id")) or "")
            if unique_id:
                keys[_name(unique_id)] = spec.key
    return keys


def _name(unique_id: str) -> str:
    kind, _, path = unique_id.split(".", 2)
    return f"source {path}" if kind == "source" else path.split(".")[0]


def _model(reference: DbtReference) -> str:
    return f"source {reference.parent}.{reference.name}" if reference.kind == "source" else reference.name
