"""Dot's own dashboards and apps in the asset graph, downstream of the dbt models they read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import dagster as dg
from dagster.components import DefsStateConfig, DefsStateConfigArgs, ResolvedDefsStateConfig

from dagster_dot.asset_options import GROUP, clean_name, distinct_names, plain
from dagster_dot.components.base import DotFields
from dagster_dot.components.connection import DotConnection
from dagster_dot.components.scaffolding import CONNECTION, Text, connection, dot_component
from dagster_dot.resource import DotResource, quick_client
from dot_provider.api import DotError, DotUsageError
from dot_provider.dbt import DbtReference, DotExposure, parse_exposures

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,7}")

_IN_THE_CODE_SERVER = "LEGACY_CODE_SERVER_SNAPSHOTS"

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
    records = list(exposures or ())
    try:
        records = fetch_exposures(dot, connection_id) if dot is not None else records
    except DotError as error:
        _warn(f"Dot's apps are missing in the asset graph: {error}")
    return [exposure_spec(exposure, parents, group_name) for exposure, parents in with_parents(records, dbt_assets)]


def fetch_exposures(dot: DotResource, connection_id: str | None = None) -> list[Mapping[str, Any]]:
    """Return Dot's exposures as records, or fail soon with a ``DotError``."""
    with quick_client(dot) as client:
        return list(client.dbt_exposures(connection_id).exposures)


def with_parents(
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
        key=dg.AssetKey([GROUP, "apps", clean_name(exposure.name)]),
        deps=list(parents),
        description=exposure.description or None,
        group_name=group_name,
        # Dagster refuses an owner that is neither an address nor a team.
        owners=[email] if _ADDRESS.fullmatch(email) else [],
        kinds={"dot", clean_name(exposure.type)} if exposure.type else {"dot"},
        metadata=metadata,
    )


def _readable(records: Iterable[Mapping[str, Any]]) -> Iterator[DotExposure]:
    for record in records:
        try:
            yield from parse_exposures([record])
        except Exception as error:  # whatever the record is, the code location loads
            _warn(f"An app of Dot's is missing in the asset graph: {error!r}")


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


class DotExposures(DotFields, dg.Model):
    """Which of Dot's apps are shown, and where in the graph."""

    builder: ClassVar[Callable[..., Any]] = build_dot_exposure_specs

    dbt_defs: Annotated[str | None, "Folder in defs that holds the dbt project, whose models the apps rest on."] = None
    connection_id: str | None = None
    group_name: str = GROUP
    defs_state: ResolvedDefsStateConfig = DefsStateConfigArgs.local_filesystem()


@dot_component(
    "Dot: show Dot's apps",
    scaffold={**CONNECTION, "dbt_defs": (Text | None, None)},
    attributes=lambda made: {"dot": connection(made), **({"dbt_defs": made.dbt_defs} if made.dbt_defs else {})},
)
class DotExposuresComponent(DotExposures, dg.StateBackedComponent):
    """Shows Dot's dashboards and apps downstream of the dbt models they read.

    What Dot said last is kept as Dagster's definitions state: ``dg utils refresh-defs-state`` asks anew, and so does
    each load under ``dg dev``, unless ``defs_state`` says otherwise. Where Dot cannot be reached then, the code
    location loads with what was kept, and says so in its log. Override ``get_asset_spec`` to change the assets.
    """

    produces: ClassVar[Sequence[str]] = ("asset",)

    dot: Annotated[DotConnection, "How Dot is reached: api_token, and region or base_url."]

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """Where Dagster keeps what Dot said; by server, environment and connection unless ``defs_state`` has a key."""
        dot = self.dot
        parts = [dot.base_url or dot.region or "us", dot.environment or "production", self.connection_id or "all"]
        named = ", ".join(getattr(part, "env_var_name", part) for part in parts)
        return DefsStateConfig.from_args(self.defs_state, default_key=f"DotExposuresComponent[{named}]")

    def get_asset_spec(self, exposure: DotExposure, parents: Sequence[dg.AssetKey]) -> dg.AssetSpec:
        """Return the spec of one app; the key is ``dot/apps/<name>`` by default."""
        return exposure_spec(exposure, parents, self.group_name)

    def write_state_to_path(self, state_path: Path) -> None:
        """Ask Dot, and keep its answer.

        Raises:
            DotError: Dot did not answer; what was kept before stays.
        """
        try:
            records = fetch_exposures(self.dot.get_resource(), self.connection_id)
        except DotError as error:
            if self.defs_state.management_type.value != _IN_THE_CODE_SERVER:
                raise
            # Nothing is kept between loads there, and Dagster wants a state.
            _warn(f"Dot's apps are missing in the asset graph: {error}")
            records = []
        state_path.write_text(json.dumps(records), encoding="utf-8")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the apps, as Dot lists them now where Dagster asks for that, and else as they were kept."""
        try:
            return super().build_defs(context)
        except DotError as error:
            _warn(f"Dot's apps in the asset graph are those that were kept before: {error}")
        kept = self.defs_state.model_copy(update={"refresh_if_dev": False})
        return super(DotExposuresComponent, self.model_copy(update={"defs_state": kept})).build_defs(context)

    def build_defs_from_state(self, context: dg.ComponentLoadContext, state_path: Path | None) -> dg.Definitions:
        """Return the apps as they were kept; none where Dot was never asked."""
        if state_path is None:
            _warn("Dot's apps are missing in the asset graph until `dg utils refresh-defs-state` has run.")
            return dg.Definitions()
        records = json.loads(state_path.read_text(encoding="utf-8"))
        dbt_assets: Any = context.build_defs(Path(self.dbt_defs)).assets if self.dbt_defs else None
        return dg.Definitions(assets=[self.get_asset_spec(*pair) for pair in with_parents(records, dbt_assets or ())])


def _warn(sentence: str) -> None:
    dg.get_dagster_logger("dagster_dot").warning(sentence)
