"""``dagster_dot.DotWorkspaceComponent``: everything of Dot's from one ``defs.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from dagster_dot.components.connection import DotConnection
from dagster_dot.components.evaluation import DotEvaluationComponent
from dagster_dot.components.external_assets import DotExternalAssetsComponent
from dagster_dot.components.hints import field, form, type_spec
from dagster_dot.components.history import DotHistoryComponent
from dagster_dot.components.incidents import DotIncidentsComponent
from dagster_dot.components.note import DotNoteComponent
from dagster_dot.components.question import DotQuestionComponent
from dagster_dot.components.scaffolding import WorkspaceScaffolder
from dagster_dot.components.sync import DotSyncComponent
from dagster_dot.resource import RESOURCE_KEY


@dg.scaffold_with(WorkspaceScaffolder)
class DotWorkspaceComponent(dg.Component, DotConnection):
    """A Dot workspace: the resource, and all that is synced, pushed, asked, checked, loaded and reported.

    Each entry is what the component of its kind takes. Two workspaces in one project need two ``resource_key``s.
    Nothing is asked of Dot while the code location loads.
    """

    resource_key: Annotated[str, field("Where other assets find the resource.", advanced=True)] = RESOURCE_KEY
    syncs: Annotated[Sequence[DotSyncComponent], field("Connections to sync.")] = Field(default_factory=list)
    external_assets: Annotated[Sequence[DotExternalAssetsComponent], field("Dashboards that Dot recommends.")] = Field(
        default_factory=list
    )
    questions: Annotated[Sequence[DotQuestionComponent], field("Questions to ask.")] = Field(default_factory=list)
    evaluations: Annotated[Sequence[DotEvaluationComponent], field("Evaluations of answers.")] = Field(
        default_factory=list
    )
    notes: Annotated[Sequence[DotNoteComponent], field("Notes that Dot reads.")] = Field(default_factory=list)
    history: Annotated[DotHistoryComponent | None, field("The history in a warehouse.")] = None
    incidents: Annotated[DotIncidentsComponent | None, field("The sensor that reports incidents.")] = None

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec(
            "A Dot workspace: sync after dbt, questions, evaluations, history and incidents.",
            "asset",
            "asset_check",
            "sensor",
            "resource",
        )

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot workspace")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the resource and what every part makes, all with this workspace's resource."""
        parts = [part.model_copy(update={"resource_key": self.resource_key}) for part in self.parts]
        return dg.Definitions.merge(
            dg.Definitions(resources={self.resource_key: self.get_resource()}),
            *(part.build_defs(context) for part in parts),
        )

    @property
    def parts(self) -> list[Any]:
        """The components that this workspace is made of."""
        lists = [*self.syncs, *self.external_assets, *self.questions, *self.evaluations, *self.notes]
        return lists + [part for part in (self.history, self.incidents) if part is not None]
