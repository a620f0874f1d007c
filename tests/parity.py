# ruff: noqa: E501 - a row of a table is a line
"""What the client, Airflow and Dagster each have, read from the code. ``python -m tests.parity`` writes docs/parity.md.

A name that is new in the code and stands in no row, and a blank without a reason, are errors.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import dagster_dot
import dot_provider.decorators
import dot_provider.notifications
import dot_provider.operators
import dot_provider.sensors
import dot_provider.task_groups
import dot_provider.triggers
from dot_provider.api import DotClient

PAGE = Path(__file__).parents[1] / "docs" / "parity.md"
HEAD = """# What each side has

Everything true of Dot is in the client; Airflow and Dagster call it, under the same words. This page is made from the code
by a test. Each method of the client can also be called from a task (`DotHook().get_conn()`) or an asset (`dot.get_client()`).
"""

PLUMBING = {"close", "for_server", "run", "send", "server"}
AIRFLOW_MODULES = ("operators", "sensors", "notifications", "task_groups", "triggers")
OF_AIRFLOW = {"dot_conn_id", "environment", "deferrable", "trigger_rule"}
OF_DAGSTER = {"options", "asset", "retry", "pool", "op_tags", "backfill_policy", "resource_key", "schedule", "dot"}


class Row(NamedTuple):
    """One thing that can be done, and what does it; ``why`` is the reason of a blank."""

    what: str
    client: tuple[str, ...] = ()
    airflow: tuple[str, ...] = ()
    dagster: tuple[str, ...] = ()
    yaml: tuple[str, ...] = ()
    why: str = ""


BY_HAND = "a person's decision or a building block: no step of a pipeline by itself"
ROWS = (
    Row("connect", (), (), ("DotResource",), ("DotWorkspaceComponent",), "client: `DotClient(...)`; Airflow: a connection of type `dot`"),
    Row("sync a connection", ("sync",), ("DotSyncConnectionOperator",), ("build_dot_sync_asset", "build_dot_sync_assets"), ("DotSyncComponent",)),
    Row("sync after updates", (), ("dot_after_dbt",), ("after_upstream_updates",), ("DotSyncComponent",), "client: an orchestrator's matter"),
    Row("ask questions", ("ask", "follow_up"), ("DotAskOperator",), ("build_dot_question_asset",), ("DotQuestionComponent",)),
    Row("wait without holding a process", (), ("DotAskOperator",), ("build_dot_answer_sensor",), ("DotWorkspaceComponent",), "client: `AsyncDotClient`"),
    Row("wait for somebody else's answer", ("conversation",), ("DotAnswerSensor",), (), (), "Dagster: an asset asks and waits in one step, which a re-execution resumes"),
    Row("react to new conversations", ("export_history",), ("DotConversationsTrigger",), (), (), "Dagster: a partition of the history is what others depend on"),
    Row("label a chat", ("add_labels",), ("DotAskOperator",), ("build_dot_question_asset",), ("DotQuestionComponent",)),
    Row("run an evaluation", ("run_evaluation", "start_evaluation_run", "evaluation_run", "evaluation_target", "cancel_evaluation_run"), ("DotRunEvaluationOperator",), ("build_dot_evaluation_check", "build_dot_evaluation_checks"), ("DotEvaluationComponent",)),
    Row("wait for somebody else's evaluation", ("evaluation_run",), ("DotEvaluationSensor",), (), (), "Dagster: a check runs its evaluation, or attaches to the one that is under way"),
    Row("push dashboards", ("push_external_assets", "import_external_asset", "external_assets", "delete_external_asset"), ("DotPushExternalAssetsOperator",), ("build_dot_external_assets_asset",), ("DotExternalAssetsComponent",)),
    Row("load the history", ("download_history", "export_history"), ("DotExportHistoryOperator",), ("build_dot_history_assets",), ("DotHistoryComponent",)),
    Row("keep verdicts in the warehouse", (), ("DotExportEvaluationsOperator",), ("build_dot_evaluation_history_assets",), ("DotEvaluationHistoryComponent",), "client: `dot_provider.history.export_evaluations(dot, run_ids, ...)`"),
    Row("report a dbt run", ("report_dbt_run",), ("DotReportDbtRunOperator",), ("report_dbt_run",), ("DotDbtProjectComponent",)),
    Row("show Dot's apps to dbt, or in the graph", ("dbt_exposures", "dbt_exposures_yaml"), ("DotFetchDbtExposuresOperator",), ("build_dot_exposure_specs",), ("DotExposuresComponent",)),
    Row("report incidents", ("report_incidents",), ("DotReportIncidentsOperator", "DotIncidentNotifier"), ("build_dot_incident_sensor",), ("DotIncidentsComponent",)),
    Row("keep notes", ("upsert_note", "notes", "create_note", "update_note"), ("DotUpsertNoteOperator",), ("build_dot_note_asset",), ("DotNoteComponent",)),
    Row("keep users, roles and groups", ("manage_users", "users", "groups", "send_invitations", "change_user_role", "add_user_to_group", "remove_user_from_group", "delete_user", "create_user"), ("DotManageUsersOperator",), ("build_dot_users_asset",), ("DotUsersComponent",)),
    Row("work in an environment", ("environments", "in_environment"), (), ("DotResource",), ("DotWorkspaceComponent",), "Airflow: `environment` of the connection and of every operator"),
    Row("make and merge environments", ("create_environment", "delete_environment", "environment_conflicts", "environment_diff", "merge_environment", "propose_environment", "set_environment_targets", "sync_environment_target", "ensure_environment", "compare_environment", "merge_or_propose_environment", "delete_environments", "update_environment_from_production"), ("DotCreateEnvironmentOperator", "DotSyncEnvironmentOperator", "DotDiffEnvironmentOperator", "DotMergeEnvironmentOperator", "DotDeleteEnvironmentOperator", "dot_pull_request"), ("build_dot_pull_request_job",), ("DotPullRequestComponent",)),
    Row("look at the workspace", ("catalog", "tables", "connections", "whoami", "healthcheck"), (), (), (), BY_HAND),
    Row("download an answer's files", ("download",), ("DotAskOperator",), ("build_dot_question_asset",), ("DotQuestionComponent",)),
    Row("log a user in to an embedded Dot", ("embedded_user_login",), (), (), (), "a token for a person's browser, of 24 hours: it would lie in an orchestrator's storage"),
)  # fmt: skip
"""All that can be done; a name may stand in several rows."""

PAIRS = {
    "DotSyncConnectionOperator": ("sync", "build_dot_sync_asset", "DotSyncComponent"),
    "DotAskOperator": ("ask", "build_dot_question_asset", "DotQuestionComponent"),
    "DotRunEvaluationOperator": ("run_evaluation", "build_dot_evaluation_checks", "DotEvaluationComponent"),
    "DotPushExternalAssetsOperator": ("push_external_assets", "build_dot_external_assets_asset", "DotExternalAssetsComponent"),
    "DotExportHistoryOperator": (None, "build_dot_history_assets", "DotHistoryComponent"),
    "DotExportEvaluationsOperator": (None, "build_dot_evaluation_history_assets", "DotEvaluationHistoryComponent"),
    "DotUpsertNoteOperator": ("upsert_note", "build_dot_note_asset", "DotNoteComponent"),
    "DotManageUsersOperator": ("manage_users", "build_dot_users_asset", "DotUsersComponent"),
}  # fmt: skip
"""Operators, with the method, factory and component that do the same: their arguments are compared."""


def public_names() -> dict[str, set[str]]:
    """Return every name that has to stand in a row, by side."""
    airflow = {name for module in AIRFLOW_MODULES for name in getattr(dot_provider, module).__all__}
    own = set(dagster_dot.__all__)
    yaml = {name for name in own if name.endswith("Component")}
    client = {name for name in dir(DotClient) if not name.startswith("_")} - PLUMBING
    return {"client": client, "airflow": airflow, "dagster": own - yaml, "yaml": yaml}


def arguments(side: str, name: str | None) -> list[str]:
    """Return the arguments of a method, operator, factory or component, without those that all of its side take."""
    if name is None:
        return []
    if side == "client":
        return [name for name in inspect.signature(getattr(DotClient, name)).parameters if name != "self"]
    if side == "airflow":
        operator = getattr(dot_provider.operators, name)
        makers = [vars(cls)["__init__"] for cls in operator.__mro__ if cls.__module__.startswith("dot_provider") and "__init__" in vars(cls)]  # fmt: skip
        return [name for make in makers for name in _keywords(make) if name not in OF_AIRFLOW]
    found = getattr(dagster_dot, name)
    names = _keywords(found) if side == "dagster" else found.model_fields
    return [name for name in names if name not in OF_DAGSTER]


def _keywords(function: Callable[..., Any]) -> Iterator[str]:
    parameters = inspect.signature(function).parameters.items()
    return (name for name, parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_capabilities(), "", *_arguments()]) + "\n"


def _capabilities() -> Iterator[str]:
    yield "| to | client | Airflow | Dagster | in YAML | why a blank |"
    yield "|---|---|---|---|---|---|"
    for row in ROWS:
        assert row.why or all(row[1:5]), f"{row.what}: say why a side has nothing"
        cells = ["<br>".join(f"`{name}`" for name in names) for names in row[1:5]]
        yield _line([row.what, *cells, row.why])


def _arguments() -> Iterator[str]:
    yield "## Their arguments"
    yield "\nWhat all have is left out: the connection and `deferrable` in Airflow; the asset's and step's options in Dagster."
    for operator, (method, factory, component) in PAIRS.items():
        sides = dict(zip(("client", "airflow", "dagster", "yaml"), (method, operator, factory, component), strict=True))
        have = {side: arguments(side, name) for side, name in sides.items() if name}
        yield f"\n| `{operator}` | {' | '.join(f'`{name}`' for name in sides.values() if name and name != operator)} | why a blank |"
        yield f"|{'---|' * (len(have) + 1)}"
        order = ["airflow", *(side for side in have if side != "airflow")]
        for name in dict.fromkeys(name for side in order for name in have[side]):
            held = [name in have[side] for side in order]
            why = REASONS.get(name, "")
            assert all(held) or why, f"{operator}: say in REASONS why a side has no {name}"
            yield _line([*(f"`{name}`" if one else "" for one in held), "" if all(held) else why])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


REASONS = {
    "run_ids": "Dagster: those that `checks` have evaluated",
    "checks": "Airflow: `run_ids`",
    "timeout": "Airflow: `execution_timeout`",
    "chat_id": "Dagster: made of run, step and partition, so that a re-execution attaches",
    "look_for": "an orchestrator knows by itself whether an earlier try may have asked",
    "follow_ups": "client: `follow_up`",
    "labels": "client: `add_labels`",
    "save_to": "client: `download`",
    "embed_charts": "for Airflow's tab; Dagster: always on the asset's page",
    "on_credits": "Airflow's Required Actions; Dagster and client: fails with the chat's link, and a re-execution takes the answer",
    "credits_timeout": "of `on_credits`",
    "credits_users": "of `on_credits`",
    "max_credits": "client: the caller has each answer's `credits`",
    "wait": "Airflow: `deferrable`; client: `AsyncDotClient`",
    "expect": "client: the caller has the answer",
    "check": "client: the caller has the answer",
    "submit_timeout": "Airflow: the part of a deferrable task that holds a worker; the others hold one all the time",
    "questions": "client: `judge`; Dagster: of `build_dot_evaluation_check`",
    "min_pass_rate": "client: `judge`",
    "on_fail": "client: `judge`",
    "suite": "Airflow: also another task's output; Dagster: `suite_file` takes a mapping too",
    "suite_file": "client: `EvaluationSuite.read`",
    "sql_conn_id": "an Airflow connection; Dagster: `sql_resource_key`",
    "sql_resource_key": "a Dagster resource; Airflow: `sql_conn_id`",
    "defer_manifest": "Airflow: beside `dbt_manifest`; client: `Relations`",
    "mf_command": "client: `EvaluationSuite.with_answers(query_metrics=)`",
    "dbt_project_dir": "client: `EvaluationSuite.with_answers(query_metrics=)`",
    "baseline_run_id": "client: `judge`; Dagster: `baseline`",
    "baseline_asset": "an Airflow asset; Dagster: `baseline`",
    "baseline": "client: `judge`; Airflow: `baseline_run_id`, `baseline_asset`",
    "expected_target_commit": "Dagster: the code location's commit is not the target's",
    "on_error": "client: `judge`; Dagster: always an error",
    "metadata": "Dagster: made of run and step",
    "cancel_on_kill": "Dagster: always; client: `cancel_evaluation_run`",
    "work": "made of what identifies the task or step",
    "per_question": "a check per question is Dagster's",
    "severity": "a word of Dagster's checks; Airflow: `on_fail`",
    "blocking": "a word of Dagster's checks; Airflow: `trigger_rule`",
    "checked_asset": "in Python `asset`, a word of Dagster's checks",
    "name": "a word of Dagster's checks",
    "concurrency": "client: for those who share its connections",
    "assets_file": "client: rows of `read_asset_rows`",
    "skip_files": "client: `external_assets_from_manifest`",
    "dbt_manifest": "client: `external_assets_from_manifest`",
    "warehouse_conn_id": "an Airflow connection; Dagster: `credentials`",
    "database": "Airflow: beside a connection; Dagster: in `credentials`",
    "end_date": "Dagster: the partition's end",
    "destination_options": "Airflow: the connection's extra",
    "key_prefix": "a word of Dagster's assets",
    "html": "client: `markdown_from_html`",
    "markdown_file": "client: `read_markdown`",
    "dbt_doc": "client: `docs_block`",
    "desired": "client's first argument; elsewhere `users`",
    "users": "client: its first argument, `desired`",
}
"""Why a side lacks an argument."""

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
