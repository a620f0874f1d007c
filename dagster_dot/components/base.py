"""What all components of Dot's have in common, and what those of a step and of an asset add."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

import dagster as dg
from pydantic import BaseModel, Field, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo

from dagster_dot import dagster_internals as internals
from dagster_dot.asset_factory import AssetStep, step_of
from dagster_dot.asset_options import AssetOptions, GraphOptions, StepOptions
from dagster_dot.components.form_fields import complete, has_forms, words_of
from dagster_dot.components.schema import strict
from dagster_dot.references import StrictEnv
from dagster_dot.resource import RESOURCE_KEY
from dot_provider.api import DotUsageError
from dot_provider.api.settings import SHORTEST_SECRET

if TYPE_CHECKING:
    from dot_provider.api import DotClient


class Retry(dg.Resolvable, dg.Model):
    """How often, and how long after a failure, Dagster tries again."""

    max_retries: int = 1
    delay: float | None = None
    backoff: dg.Backoff | None = None

    def to_policy(self) -> dg.RetryPolicy:
        """Return Dagster's form of it."""
        return dg.RetryPolicy(max_retries=self.max_retries, delay=self.delay, backoff=self.backoff)


def _resolve_asset(context: dg.ResolutionContext, model: Any) -> dict[str, Any]:
    fields = internals.resolve_fields(model, internals.AssetSpecUpdateKwargs, context)
    if fields.get("key_prefix"):
        raise ValueError("An asset of Dot's takes key, the whole key, instead of key_prefix.")
    given = {name: value for name, value in fields.items() if value and name not in ("skippable", "key_prefix")}
    return {**given, "kinds": set(given["kinds"])} if "kinds" in given else given


AssetFields: TypeAlias = Annotated[
    Mapping[str, Any],
    dg.Resolver(
        _resolve_asset,
        model_field_type=internals.AssetAttributesModel,
        description="Key, dependencies, owners and other fields of the asset.",
        examples=[{"key": "dot/knowledge", "deps": ["orders"], "owners": ["team:data"]}],
    ),
]

Backfill: TypeAlias = Annotated[
    dg.BackfillPolicy,
    dg.Resolver(
        internals.resolve_backfill_policy,
        model_field_type=internals.BackfillModel,
        examples=[{"type": "multi_run", "max_partitions_per_run": 7}],
    ),
]


class DotFields(dg.Resolvable):
    """Fields in YAML: a wrong one is told by its line, and a variable that is not set never means nothing."""

    model_config: ClassVar[Any] = {"hide_input_in_errors": True}

    _model: ClassVar[type[BaseModel]]
    label: ClassVar[str | None] = None
    produces: ClassVar[Sequence[str]] = ()
    builder: ClassVar[Callable[..., Any] | None] = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give each field its resolver, before Dagster makes the model of the YAML of it."""
        own = vars(cls).get("__annotations__", {})
        fields: Mapping[str, FieldInfo] = cls.model_fields  # type: ignore[attr-defined]
        complete({name: info for name, info in fields.items() if name in own}, cls.words())

    @classmethod
    def words(cls) -> Mapping[str, str]:
        """Return what the fields are, by name."""
        return words_of(cls.builder) if cls.builder else {}

    @classmethod
    def model(cls) -> type[BaseModel]:
        """Return the model of the YAML, whose JSON schema ``dg check yaml`` asks."""
        if "_model" not in vars(cls):
            plain: Any = super().model()
            hides: Any = {"hide_secrets": model_validator(mode="wrap")(_hide_secrets)}  # type: ignore[arg-type]
            cls._model = create_model(plain.__name__, __base__=plain, __validators__=hides)
            cls._model.model_json_schema = classmethod(_strict_schema)  # type: ignore[assignment]
        return cls._model

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Any:
        """Read the fields, with an ``env`` that refuses what is not set; what a step refuses is told by its line."""
        made = super().resolve_from_model(context.with_scope(env=StrictEnv()), model)
        try:
            made.refuse_mistakes()
        except DotUsageError as error:
            said = str(error)
            # Our errors begin with the argument, or with the row of one.
            row = re.match(r"(Asset|User) row (\d+)", said)
            named = re.match(r"\w+", f"{row[1].lower()}s" if row else said)
            name = named[0] if named and named[0] in type(model).model_fields else ""
            where = context.at_path(name) if name in model.model_fields_set else context
            where = where.at_path(int(row[2]) - 1) if row and where is not context else where
            raise where.build_resolve_fn_exc([said], field_name=name, model=model) from error
        return made

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows beside the docstring."""
        kinds: dict[str, Any] = {"produces": list(cls.produces)} if cls.produces and has_forms() else {}
        return dg.ComponentTypeSpec(tags=["dot", "ai"], **kinds)

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app, where Dagster has such an editor."""
        return dg.ComponentFormConfig(label=cls.label, editable=True) if cls.label and has_forms() else None

    def refuse_mistakes(self) -> None:
        """Refuse fields that have the right types and do not go together.

        Raises:
            DotUsageError: names the field.
        """

    def arguments(self, builder: Callable[..., Any] | None = None) -> dict[str, Any]:
        """Return the fields that a builder, by default the component's own, takes under the same name."""
        builder = builder or type(self).builder
        taken = signature(builder).parameters if builder else {}
        return {name: getattr(self, name) for name in type(self).model_fields if name in taken}  # type: ignore[attr-defined]


class DotStepComponent(DotFields, dg.Component, dg.Model):
    """A component that makes one step, of which its users say how it runs."""

    retry: Annotated[Retry | None, "How often Dagster tries again."] = None
    pool: str | None = None
    op_tags: Mapping[str, Any] | None = None
    resource_key: str = RESOURCE_KEY
    schedule: Annotated[str | None, "Cron schedule on which it runs by itself, in UTC."] = None

    @classmethod
    def words(cls) -> Mapping[str, str]:
        """Return what the fields are: those of the step, and the builder's arguments."""
        return {**words_of(StepOptions), **words_of(GraphOptions), **super().words()}

    @property
    def step_options(self) -> GraphOptions:
        """How the step runs."""
        policy = None if self.retry is None else self.retry.to_policy()
        given = {"retry_policy": policy, **{name: getattr(self, name, None) for name in _OF_STEPS}}
        options: Any = {name: value for name, value in given.items() if value is not None}
        return options  # type: ignore[no-any-return]

    def definitions(self, made: dg.AssetsDefinition) -> dg.Definitions:
        """Return what the component makes, with its schedule."""
        schedules = build_schedules(self.schedule, [made])
        if isinstance(made, dg.AssetChecksDefinition):
            return dg.Definitions(asset_checks=[made], schedules=schedules)
        return dg.Definitions(assets=[made], schedules=schedules)


class DotAssetComponent(DotStepComponent):
    """A component that makes assets of Dot's by one step. Override ``get_asset_spec`` or ``execute`` to change it."""

    produces: ClassVar[Sequence[str]] = ("asset",)

    asset: AssetFields = Field(default_factory=dict)
    backfill_policy: Backfill | None = None

    @property
    def step(self) -> AssetStep:
        """The step as the builder of the same arguments makes it."""
        builder = type(self).builder
        assert builder is not None
        given: dict[str, Any] = {**self.arguments(), **self.asset_options, **self.step_options}
        return step_of(builder, **given)

    @property
    def asset_options(self) -> AssetOptions:
        """The fields of ``asset`` that were given."""
        given: Any = dict(self.asset)
        return given  # type: ignore[no-any-return]

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec of the asset, or of the first one."""
        return self.step.specs[0]

    def get_asset_specs(self) -> Sequence[dg.AssetSpec]:
        """Return the specs of all assets."""
        return [self.get_asset_spec(), *self.step.specs[1:]]

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Do the work of the step with Dot's client, and yield what was materialized."""
        yield from self.step.materialize(context, client)

    def refuse_mistakes(self) -> None:
        """Refuse what the builder refuses."""
        assert self.step

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the assets; the resource comes from elsewhere in the project, or from the workspace component."""
        return self.definitions(replace(self.step, specs=self.get_asset_specs(), materialize=self.execute).build())


_OF_STEPS = ("resource_key", "pool", "op_tags", "backfill_policy")


def build_schedules(
    cron: str | None, made: Sequence[dg.AssetsDefinition], name: str | None = None
) -> Sequence[dg.ScheduleDefinition]:
    """Return the schedule that materializes assets and evaluates checks in one run; of partitions the latest.

    Checks of the assets are evaluated too, but for those that have such a schedule of their own.

    Args:
        cron: such as ``0 6 * * *``, in UTC; none makes no schedule.
        made: what the steps make; all without partitions, or one with.
        name: the schedule's name; made of the step's by default.
    """
    if cron is None or not made:
        return []
    name = name or _schedule_name(made[0])
    chosen: dg.AssetSelection = dg.AssetSelection.assets(*(key for one in made for key in one.keys))
    checks = [one for one in made if isinstance(one, dg.AssetChecksDefinition)]
    if checks:
        chosen = chosen | dg.AssetSelection.checks(*checks)
    partitions = made[0].partitions_def

    # Not annotated: Dagster reads annotations, which are text here.
    def run_request(context):  # type: ignore[no-untyped-def]
        latest = None if partitions is None else partitions.get_last_partition_key()
        if partitions is not None and latest is None:
            return dg.SkipReason("There is no partition yet.")
        all_checks = context.repository_def.asset_checks_defs_by_key
        apart = {key for key, one in all_checks.items() if context.repository_def.has_schedule_def(_schedule_name(one))}
        if not apart:
            return dg.RunRequest(partition_key=latest)
        keys = {key for one in made for key in one.keys}
        theirs = {key for key in all_checks.keys() - apart if key.asset_key in keys}
        own = {key for one in made for key in one.check_keys}
        return dg.RunRequest(partition_key=latest, asset_selection=[*keys], asset_check_keys=[*theirs | own])

    schedule: Any = dg.schedule(
        name=name,
        job=dg.define_asset_job(f"{name}_job", selection=chosen),
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )(run_request)
    return [schedule]


def _schedule_name(step: dg.AssetsDefinition) -> str:
    return f"{step.node_def.name}_schedule"


def steps_without_schedule(defs: dg.Definitions) -> list[dg.AssetsDefinition]:
    """Return the steps that nothing starts by itself, and that a run without a partition can make."""
    if defs.schedules:
        return []
    made = [*(defs.assets or ()), *(defs.asset_checks or ())]
    steps = [step for step in made if isinstance(step, dg.AssetsDefinition) and step.partitions_def is None]
    return [step for step in steps if not any(spec.automation_condition for spec in step.specs)]


def _hide_secrets(values: Any, read: Any) -> Any:
    """Read the YAML; what pydantic says of a wrong field, or of a misspelt name, shows no value that may be a secret.

    Dagster shows what pydantic was told to hide.
    """
    try:
        return read(values)
    except ValidationError as error:
        told: list[Any] = [
            {**one, "input": one["input"] if len(str(one["input"])) < SHORTEST_SECRET else "***"}
            for one in error.errors(include_url=False)
        ]
        title = error.title
    raise ValidationError.from_exception_data(title, told)


def _strict_schema(cls: type[BaseModel], *args: Any, **kwargs: Any) -> Mapping[str, Any]:
    return strict(BaseModel.model_json_schema.__func__(cls, *args, **kwargs))  # type: ignore[attr-defined]
