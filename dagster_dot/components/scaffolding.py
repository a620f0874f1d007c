"""What ``dg scaffold defs`` writes: files that run as they are, with environment references for what is secret.

Each component has a model of its options, whose ``attributes`` are the YAML.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo
from typing_extensions import Self

from dagster_dot.sync import sync_spec
from dot_provider.api import DotError
from dot_provider.api.arguments import checked_day, checked_email
from dot_provider.api.settings import checked_origin

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]
_Cron = Annotated[str, StringConstraints(pattern=r"^(@\w+|(\S+\s+){4}\S+)$")]
_MY_CONNECTION = "my_connection"
_EVERY_MORNING = "0 6 * * *"


class Params(BaseModel):
    """Options of ``dg scaffold defs``; by default each of them is a field of the component."""

    @property
    def attributes(self) -> dict[str, Any]:
        """What stands in the YAML."""
        return self.model_dump(exclude_none=True)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        try:
            self.check()
        except DotError as error:
            raise ValueError(str(error)) from None
        return self

    def check(self) -> None:
        """Refuse what the component would refuse."""


class ConnectionParams(Params):
    """Options that say how Dot is reached."""

    token_variable: _Variable = "DOT_API_TOKEN"  # noqa: S105 - a name
    region: Literal["us", "eu"] | None = None
    base_url: _Text | None = None

    @property
    def connection(self) -> dict[str, Any]:
        """How Dot is reached, with the token as a reference."""
        server = {"base_url": self.base_url} if self.base_url else {"region": self.region or "us"}
        return {"api_token": _reference(self.token_variable), **server}

    def check(self) -> None:
        """Refuse an address that is none."""
        checked_origin(self.base_url, self.region)


class SyncParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotSyncComponent``."""

    connection_type: _Text = "dbt"
    connection_id: _Text = _MY_CONNECTION
    schedule: _Cron = _EVERY_MORNING

    def check(self) -> None:
        """Refuse a connection that no URL can carry."""
        sync_spec(self.connection_type, self.connection_id)


class WorkspaceParams(ConnectionParams):
    """Options of ``dg scaffold defs dagster_dot.DotWorkspaceComponent``."""

    connection_type: _Text = "dbt"
    connection_id: _Text = _MY_CONNECTION
    question: _Text = "What changed since yesterday?"
    schedule: _Cron = _EVERY_MORNING

    @property
    def attributes(self) -> dict[str, Any]:
        """A connection that is synced in the morning, and a question that is asked afterwards."""
        return {
            **self.connection,
            "syncs": [{"connection_type": self.connection_type, "connection_id": self.connection_id}],
            "questions": [{"question": self.question, "asset": {"deps": [self._sync]}}],
            "incidents": {},
            "schedule": self.schedule,
        }

    def check(self) -> None:
        """Refuse an address that is none, and a connection that no URL can carry."""
        super().check()
        assert self._sync

    @property
    def _sync(self) -> str:
        return sync_spec(self.connection_type, self.connection_id).key.to_user_string()


class QuestionParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotQuestionComponent``; ``after`` is the key of an asset."""

    question: _Text = "What changed since yesterday?"
    mode: Literal["economy", "balanced", "frontier"] | None = None
    after: _Text | None = None
    schedule: _Cron = _EVERY_MORNING

    @property
    def attributes(self) -> dict[str, Any]:
        """A question that is asked in the morning, after an asset where one is named."""
        asset = {"asset": {"deps": [self.after]}} if self.after else {}
        return {**self.model_dump(exclude_none=True, exclude={"after"}), **asset}


class EvaluationParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotEvaluationComponent``."""

    evaluation_id: _Text = "my_evaluation"
    checked_asset: _Text = f"dot/dbt/{_MY_CONNECTION}"
    min_pass_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    schedule: _Cron = _EVERY_MORNING


class NoteParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotNoteComponent``."""

    title: _Text = "Revenue"
    markdown: _Text = "Revenue is net of returns."
    schedule: _Cron = _EVERY_MORNING


class ExternalAssetsParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotExternalAssetsComponent``, in the project's folder."""

    dbt_target: _Text = "dbt/target"
    prune: Literal["delete", "deactivate"] | None = None
    schedule: _Cron = _EVERY_MORNING

    @property
    def attributes(self) -> dict[str, Any]:
        """The exposures of a dbt project."""
        manifest = f"{_ROOT}/{self.dbt_target}/manifest.json"
        return {"dbt_manifest": manifest, "prune": self.prune or False, "schedule": self.schedule}


class HistoryParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotHistoryComponent``."""

    destination: _Text = "duckdb"
    credentials_variable: _Variable = "DOT_HISTORY_CREDENTIALS"
    dataset: _Text = "dot"
    start_date: _Text = "2026-01-01"
    schedule: _Cron = _EVERY_MORNING

    @property
    def attributes(self) -> dict[str, Any]:
        """The history by day, with the warehouse's credentials as a reference."""
        written = self.model_dump(exclude={"credentials_variable"})
        return {**written, "credentials": _reference(self.credentials_variable)}

    def check(self) -> None:
        """Refuse a day that is none."""
        checked_day("start_date", self.start_date)


class UsersParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotUsersComponent``."""

    email: _Text = "ada@shop.example"
    role: Literal["admin", "modeler", "user"] = "user"
    schedule: _Cron = _EVERY_MORNING

    @property
    def attributes(self) -> dict[str, Any]:
        """One person, and a report of what would be done."""
        return {"users": [{"email": self.email, "role": self.role}], "dry_run": True, "schedule": self.schedule}

    def check(self) -> None:
        """Refuse what is no address."""
        checked_email(self.email)


class IncidentsParams(Params):
    """Options of ``dg scaffold defs dagster_dot.DotIncidentsComponent``."""

    source: _Text = "dagster"
    webserver_url: _Text | None = None


class DbtProjectParams(ConnectionParams):
    """Options of ``dg scaffold defs dagster_dot.DotDbtProjectComponent``; the folder is one of the project's."""

    project_path: _Text = "dbt"

    @property
    def attributes(self) -> dict[str, Any]:
        """A dbt project whose runs are reported."""
        return {"project": f"{_ROOT}/{self.project_path}", "dot": self.connection}


class ExposuresParams(ConnectionParams):
    """Options of ``dg scaffold defs dagster_dot.DotExposuresComponent``; the folder is one in defs."""

    dbt_defs: _Text | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """Dot's apps, downstream of a dbt project's models where one is named."""
        return {"dot": self.connection, **({"dbt_defs": self.dbt_defs} if self.dbt_defs else {})}


_ROOT = "{{ context.project_root }}"


def scaffolded_by(options: type[Params]) -> Any:
    """Return the decorator of a component whose ``defs.yaml`` is written from these options."""

    class DotScaffolder(dg.Scaffolder[Any]):
        @classmethod
        def get_scaffold_params(cls) -> type[Params]:
            return options

        def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
            given = request.params if isinstance(request.params, Params) else options()
            dg.scaffold_component(request, given.attributes)
            variables = sorted(value for name, value in given if name.endswith("_variable"))
            if variables and request.scaffold_format == "yaml":
                # scaffold_component knows nothing of requirements, which `dg check yaml --validate-requirements` reads.
                file = request.target_path if request.append else Path(request.target_path) / "defs.yaml"
                names = "".join(f"    - {name}\n" for name in variables)
                with file.open("a", encoding="utf-8") as text:
                    text.write(f"requirements:\n  env:\n{names}")

    def decorate(component: type[Any]) -> type[Any]:
        # dg shows this text for --help; of options it knows no more than their names.
        fields = options.model_fields.items()
        shown = ", ".join(f"--{name.replace('_', '-')} ({_choices(field)})" for name, field in fields)
        component.__doc__ = f"{component.__doc__}\n\n    Options of dg scaffold defs: {shown}.\n    "
        return dg.scaffold_with(DotScaffolder)(component)

    return decorate


def _choices(field: FieldInfo) -> str:
    """Say what an option is without a value, or what it may be."""
    words = re.findall(r"'(\w+)'", str(field.annotation)) if "Literal" in str(field.annotation) else []
    return " or ".join(words) or str(field.default or "optional")


def _reference(variable: str) -> str:
    return f"{{{{ env.{variable} }}}}"
