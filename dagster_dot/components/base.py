"""What all components of Dot's have in common, and what those of a step and of an asset add."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import dagster as dg
from pydantic import BaseModel, Field

from dagster_dot.asset_factory import Materialize, build_step
from dagster_dot.asset_options import AssetOptions, AssetStepOptions, StepOptions
from dagster_dot.components.asset_fields import AssetFields, Backfill, Retry
from dagster_dot.components.hints import field, form, text, type_spec
from dagster_dot.components.schedule import scheduled
from dagster_dot.components.schema import strict
from dagster_dot.references import StrictEnv
from dagster_dot.resource import RESOURCE_KEY

if TYPE_CHECKING:
    from dot_provider.api import DotClient


class Catalog(NamedTuple):
    """What Dagster's catalog of components and its form say of one."""

    label: str
    description: str
    produces: tuple[str, ...] = ("asset",)


class DotFields(dg.Resolvable):
    """Fields in YAML: a wrong one is told by its line, and a variable that is not set never means nothing."""

    catalog: ClassVar[Catalog | None] = None

    @classmethod
    def model(cls) -> type[BaseModel]:
        """Return the model of the YAML, whose JSON schema ``dg check yaml`` asks."""
        model: Any = super().model()
        if "model_json_schema" not in vars(model):
            model.model_json_schema = classmethod(_strict_schema)
        found: type[BaseModel] = model
        return found

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Any:
        """Read the fields, with an ``env`` that refuses what is not set."""
        return super().resolve_from_model(context.with_scope(env=StrictEnv()), model)

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec(cls.catalog.description, *cls.catalog.produces) if cls.catalog else dg.ComponentTypeSpec()

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form(cls.catalog.label) if cls.catalog else None

    def arguments(self, function: Callable[..., Any]) -> dict[str, Any]:
        """Return the fields that ``function`` takes under the same name."""
        taken = signature(function).parameters
        return {name: getattr(self, name) for name in type(self).model_fields if name in taken}  # type: ignore[attr-defined]


class DotStepComponent(DotFields, dg.Component, dg.Model):
    """A component that makes one step, of which its users say how it runs."""

    retry: Annotated[Retry | None, field("How often Dagster tries again.", advanced=True)] = None
    pool: Annotated[str | None, text("Concurrency pool of the step.", advanced=True)] = None
    op_tags: Annotated[Mapping[str, Any] | None, field("Tags of the step.", advanced=True)] = None
    resource_key: Annotated[str, text("Where the DotResource is found.", advanced=True)] = RESOURCE_KEY
    schedule: Annotated[
        str | None, text("Cron schedule on which it runs by itself, in UTC.", examples=["0 6 * * *"])
    ] = None

    @property
    def step_options(self) -> StepOptions:
        """How the step runs."""
        options: StepOptions = {"resource_key": self.resource_key}
        if self.retry is not None:
            options["retry_policy"] = self.retry.to_policy()
        if self.pool is not None:
            options["pool"] = self.pool
        if self.op_tags is not None:
            options["op_tags"] = self.op_tags
        return options

    def definitions(self, made: dg.AssetsDefinition) -> dg.Definitions:
        """Return what the component makes, with its schedule."""
        schedules = scheduled(self.schedule, [made])
        if isinstance(made, dg.AssetChecksDefinition):
            return dg.Definitions(asset_checks=[made], schedules=schedules)
        return dg.Definitions(assets=[made], schedules=schedules)


class DotAssetComponent(DotStepComponent):
    """A component that makes one asset of Dot's. Override ``get_asset_spec`` or ``execute`` to change what it does."""

    asset: AssetFields = Field(default_factory=dict)
    backfill_policy: Backfill | None = None

    @abstractmethod
    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec of the asset."""

    @abstractmethod
    def get_step(self) -> Materialize:
        """Return what the step does; wrong arguments are refused here, when the code location loads."""

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Do the work of the step with Dot's client, and yield the materialization."""
        yield from self.get_step()(context, client)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the asset; the resource comes from elsewhere in the project, or from the workspace component."""
        self.get_step()
        return self.definitions(build_step([self.get_asset_spec()], self.execute, self.step_options))

    @property
    def step_options(self) -> AssetStepOptions:
        """How the step runs."""
        options: AssetStepOptions = {**super().step_options}  # type: ignore[typeddict-item]
        if self.backfill_policy is not None:
            options["backfill_policy"] = self.backfill_policy
        return options

    @property
    def asset_options(self) -> AssetOptions:
        """The fields of ``asset`` that were given."""
        given: Any = dict(self.asset)
        options: AssetOptions = given
        return options


def _strict_schema(cls: type[BaseModel], *args: Any, **kwargs: Any) -> Mapping[str, Any]:
    return strict(BaseModel.model_json_schema.__func__(cls, *args, **kwargs))  # type: ignore[attr-defined]
