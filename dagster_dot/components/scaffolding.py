"""What ``dg scaffold defs`` writes: environment references, and the requirements that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field


class ConnectionParams(BaseModel):
    """Options that say how Dot is reached."""

    token_variable: str = Field(default="DOT_API_TOKEN", description="Environment variable that holds the token.")
    region: str = Field(default="us", description="us or eu.")
    base_url: str | None = Field(default=None, description="Origin of a self-hosted Dot, instead of a region.")

    @property
    def attributes(self) -> dict[str, Any]:
        """What stands in the YAML, with the token as a reference."""
        server = {"base_url": self.base_url} if self.base_url else {"region": self.region}
        return {"api_token": f"{{{{ env.{self.token_variable} }}}}", **server}


class WorkspaceParams(ConnectionParams):
    """Options of ``dg scaffold defs dagster_dot.DotWorkspaceComponent``."""

    connection_type: str = Field(default="dbt", description="Type of the connection to sync.")
    connection_id: str = Field(default="my_connection", description="Id of the connection to sync.")
    question: str = Field(default="What changed since yesterday?", description="A first question to ask.")


class WorkspaceScaffolder(dg.Scaffolder[WorkspaceParams]):
    """Writes a workspace with a connection and a question."""

    @classmethod
    def get_scaffold_params(cls) -> type[WorkspaceParams]:
        """Return the model of the options."""
        return WorkspaceParams

    def scaffold(self, request: dg.ScaffoldRequest[WorkspaceParams]) -> None:
        """Write ``defs.yaml``, with the token as a reference."""
        given = request.params if isinstance(request.params, WorkspaceParams) else WorkspaceParams()
        attributes = {
            **given.attributes,
            "syncs": [{"connection_type": given.connection_type, "connection_id": given.connection_id}],
            "questions": [{"question": given.question}],
            "incidents": {},
        }
        _write(request, attributes, [given.token_variable])


class SyncParams(BaseModel):
    """Options of ``dg scaffold defs dagster_dot.DotSyncComponent``."""

    connection_type: str = Field(default="dbt", description="Type of the connection.")
    connection_id: str = Field(default="my_connection", description="The connection's id.")


class SyncScaffolder(dg.Scaffolder[SyncParams]):
    """Writes the sync of a connection."""

    @classmethod
    def get_scaffold_params(cls) -> type[SyncParams]:
        """Return the model of the options."""
        return SyncParams

    def scaffold(self, request: dg.ScaffoldRequest[SyncParams]) -> None:
        """Write ``defs.yaml``."""
        given = request.params if isinstance(request.params, SyncParams) else SyncParams()
        _write(request, {**given.model_dump(), "asset": {"deps": []}})


class QuestionParams(BaseModel):
    """Options of ``dg scaffold defs dagster_dot.DotQuestionComponent``."""

    question: str = Field(default="What changed since yesterday?", description="What to ask.")


class QuestionScaffolder(dg.Scaffolder[QuestionParams]):
    """Writes a question."""

    @classmethod
    def get_scaffold_params(cls) -> type[QuestionParams]:
        """Return the model of the options."""
        return QuestionParams

    def scaffold(self, request: dg.ScaffoldRequest[QuestionParams]) -> None:
        """Write ``defs.yaml``."""
        given = request.params if isinstance(request.params, QuestionParams) else QuestionParams()
        _write(request, given.model_dump())


class ExternalAssetsScaffolder(dg.Scaffolder[Any]):
    """Writes the push of a dbt project's exposures."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        _write(request, {"dbt_manifest": "{{ context.project_root }}/dbt/target/manifest.json", "prune": False})


class NoteScaffolder(dg.Scaffolder[Any]):
    """Writes a note."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        _write(request, {"title": "Revenue", "markdown": "Revenue is net of returns."})


class HistoryScaffolder(dg.Scaffolder[Any]):
    """Writes the history, with the warehouse's credentials as a reference."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        attributes = {
            "destination": "duckdb",
            "credentials": "{{ env.DOT_HISTORY_CREDENTIALS }}",
            "start_date": "2026-01-01",
        }
        _write(request, attributes, ["DOT_HISTORY_CREDENTIALS"])


class EvaluationScaffolder(dg.Scaffolder[Any]):
    """Writes an evaluation."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        _write(request, {"evaluation_id": "my_evaluation", "checked_asset": "dot/dbt/my_connection"})


class DbtProjectParams(ConnectionParams):
    """Options of ``dg scaffold defs dagster_dot.DotDbtProjectComponent``."""

    project_path: str = Field(default="dbt", description="The dbt project's folder, seen from the Dagster project.")


class DbtProjectScaffolder(dg.Scaffolder[DbtProjectParams]):
    """Writes a dbt project, with the token as a reference."""

    @classmethod
    def get_scaffold_params(cls) -> type[DbtProjectParams]:
        """Return the model of the options."""
        return DbtProjectParams

    def scaffold(self, request: dg.ScaffoldRequest[DbtProjectParams]) -> None:
        """Write ``defs.yaml``."""
        given = request.params if isinstance(request.params, DbtProjectParams) else DbtProjectParams()
        attributes = {
            "project": f"{{{{ context.project_root }}}}/{given.project_path}",
            "dot": given.attributes,
        }
        _write(request, attributes, [given.token_variable])


class ExposuresParams(ConnectionParams):
    """Options of ``dg scaffold defs dagster_dot.DotExposuresComponent``."""

    dbt_defs: str | None = Field(default=None, description="Folder in defs that holds the dbt project.")


class ExposuresScaffolder(dg.Scaffolder[ExposuresParams]):
    """Writes Dot's apps, with the token as a reference."""

    @classmethod
    def get_scaffold_params(cls) -> type[ExposuresParams]:
        """Return the model of the options."""
        return ExposuresParams

    def scaffold(self, request: dg.ScaffoldRequest[ExposuresParams]) -> None:
        """Write ``defs.yaml``."""
        given = request.params if isinstance(request.params, ExposuresParams) else ExposuresParams()
        attributes: dict[str, Any] = {"dot": given.attributes}
        if given.dbt_defs:
            attributes["dbt_defs"] = given.dbt_defs
        _write(request, attributes, [given.token_variable])


def _write(request: dg.ScaffoldRequest[Any], attributes: Mapping[str, Any], env: Sequence[str] = ()) -> None:
    dg.scaffold_component(request, attributes)
    if env and request.scaffold_format == "yaml":
        # scaffold_component knows nothing of requirements, which `dg check yaml --validate-requirements` reads.
        file = request.target_path if request.append else Path(request.target_path) / "defs.yaml"
        names = "".join(f"    - {name}\n" for name in env)
        with file.open("a", encoding="utf-8") as text:
            text.write(f"requirements:\n  env:\n{names}")
