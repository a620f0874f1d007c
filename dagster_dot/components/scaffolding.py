"""What ``dg scaffold defs`` writes: environment references, and the requirements that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field


class WorkspaceParams(BaseModel):
    """Options of ``dg scaffold defs dagster_dot.DotWorkspaceComponent``."""

    token_variable: str = Field(default="DOT_API_TOKEN", description="Environment variable that holds the token.")
    region: str = Field(default="us", description="us or eu.")
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
            "api_token": f"{{{{ env.{given.token_variable} }}}}",
            "region": given.region,
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


def _write(request: dg.ScaffoldRequest[Any], attributes: Mapping[str, Any], env: Sequence[str] = ()) -> None:
    dg.scaffold_component(request, attributes)
    if env and request.scaffold_format == "yaml":
        # scaffold_component knows nothing of requirements, which `dg check yaml --validate-requirements` reads.
        file = request.target_path if request.append else Path(request.target_path) / "defs.yaml"
        names = "".join(f"    - {name}\n" for name in env)
        with file.open("a", encoding="utf-8") as text:
            text.write(f"requirements:\n  env:\n{names}")
