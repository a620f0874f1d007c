"""``dagster_dot.DotWorkspaceComponent``: everything of Dot's from one ``defs.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import dagster as dg
from dagster.components import DefsStateConfig, DefsStateConfigArgs

from dagster_dot.answer_sensor import build_dot_answer_sensor
from dagster_dot.components.base import DotAssetComponent, build_schedules, steps_without_schedule
from dagster_dot.components.connection import DotConnection
from dagster_dot.components.evaluation import DotEvaluationComponent
from dagster_dot.components.scaffolding import CONNECTION, MY_CONNECTION, SCHEDULE, connection, dot_component
from dagster_dot.evaluation_history import DotEvaluationHistoryComponent
from dagster_dot.exposures import DotExposures, DotExposuresComponent
from dagster_dot.external_assets import DotExternalAssetsComponent
from dagster_dot.history import DotHistoryComponent
from dagster_dot.incidents import DotIncidentsComponent
from dagster_dot.note import DotNoteComponent
from dagster_dot.question import DotQuestionComponent
from dagster_dot.resource import RESOURCE_KEY
from dagster_dot.sync import DotSyncComponent
from dagster_dot.users import DotUsersComponent
from dot_provider.api import DotUsageError

_NO_APPS = DefsStateConfigArgs.local_filesystem()


@dot_component(
    "Dot workspace",
    scaffold={
        **CONNECTION,
        "connection_type": "dbt",
        "connection_id": MY_CONNECTION,
        "question": "What changed since yesterday?",
        **SCHEDULE,
    },
    attributes=lambda made: {
        **connection(made),
        "syncs": [sync := {"connection_type": made.connection_type, "connection_id": made.connection_id}],
        "questions": [
            {
                "question": made.question,
                "asset": {"deps": [DotSyncComponent(**sync).get_asset_spec().key.to_user_string()]},
            }
        ],
        "incidents": {},
        "schedule": made.schedule,
    },
)
class DotWorkspaceComponent(DotConnection, dg.StateBackedComponent):
    """A Dot workspace: the resource, and all that is synced, pushed, asked, checked, loaded and reported.

    Each entry is what the component of its kind takes. Two workspaces in one project need two ``resource_key``s.
    Nothing is asked of Dot while the code location loads, but for ``exposures`` under ``dg dev``.
    """

    produces: ClassVar[Sequence[str]] = ("asset", "asset_check", "sensor", "resource")

    resource_key: Annotated[str, "Where other assets find the resource."] = RESOURCE_KEY
    schedule: Annotated[str | None, "Cron schedule in UTC of all that has none, no automation and no partitions."] = (
        None
    )
    syncs: Annotated[Sequence[DotSyncComponent], "Connections to sync."] = ()
    external_assets: Annotated[Sequence[DotExternalAssetsComponent], "Dashboards that Dot recommends."] = ()
    questions: Annotated[Sequence[DotQuestionComponent], "Questions to ask."] = ()
    evaluations: Annotated[Sequence[DotEvaluationComponent], "Evaluations of answers."] = ()
    notes: Annotated[Sequence[DotNoteComponent], "Notes that Dot reads."] = ()
    users: Annotated[DotUsersComponent | None, "Users, roles and groups."] = None
    history: Annotated[DotHistoryComponent | None, "The history in a warehouse."] = None
    evaluation_history: Annotated[DotEvaluationHistoryComponent | None, "The verdicts in a warehouse."] = None
    exposures: Annotated[DotExposures | None, "Dot's own apps in the asset graph."] = None
    incidents: Annotated[DotIncidentsComponent | None, "The sensor that reports incidents."] = None

    def refuse_mistakes(self) -> None:
        """Refuse two parts that would be one asset, by their words: of Dagster's refusal, nobody could tell which."""
        known: dict[dg.AssetKey, str | None] = {}
        for part in self.parts:
            for spec in part.get_asset_specs() if isinstance(part, DotAssetComponent) else ():
                key, words = spec.key.to_user_string(), spec.description
                if spec.key in known:
                    raise DotUsageError(f"{known[spec.key]!r} and {words!r} are both {key}: give one an asset.key.")
                known[spec.key] = words

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the resource and what every part makes, all with this workspace's resource."""
        parts = [part.model_copy(update={"resource_key": self.resource_key}) for part in self.parts]
        made = [part.build_defs(context) for part in parts]
        left = [step for defs in made for step in steps_without_schedule(defs)]
        key, waits = self.resource_key, any(question.wait == "sensor" for question in self.questions)
        whole = dg.Definitions(
            sensors=[build_dot_answer_sensor(name=f"{key}_answers", resource_key=key)] if waits else [],
            resources={key: self.get_resource()},
            schedules=build_schedules(self.schedule, left, name=f"{key}_schedule"),
        )
        return dg.Definitions.merge(whole, *made, *([self._apps.build_defs(context)] if self.exposures else []))

    @property
    def parts(self) -> list[Any]:
        """The components that this workspace is made of, but for ``exposures``."""
        lists = [*self.syncs, *self.external_assets, *self.questions, *self.evaluations, *self.notes]
        return lists + [part for part in (self.users, self.history, self.evaluation_history, self.incidents) if part]

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """Where Dagster keeps what Dot said of its apps; a workspace without them has a place that nobody shares."""
        if not self.exposures:
            return DefsStateConfig.from_args(_NO_APPS, default_key=f"DotWorkspaceComponent[{self.resource_key}]")
        return self._apps.defs_state_config

    def write_state_to_path(self, state_path: Path) -> None:
        """Ask Dot for its apps, where there are to be any, and keep its answer."""
        if self.exposures:
            self._apps.write_state_to_path(state_path)
        else:
            state_path.write_text("[]", encoding="utf-8")

    def build_defs_from_state(self, context: dg.ComponentLoadContext, state_path: Path | None) -> dg.Definitions:
        """Return the apps as they were kept."""
        return self._apps.build_defs_from_state(context, state_path)

    @property
    def _apps(self) -> DotExposuresComponent:
        shown = {name: getattr(self.exposures, name) for name in DotExposures.model_fields} if self.exposures else {}
        return DotExposuresComponent(dot=self, **shown)
