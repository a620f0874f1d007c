"""A job that tries a pull request of a dbt project in an environment of Dot before it is merged."""

# Not with postponed annotations: Dagster reads those of the function that it makes an op of.

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import dagster as dg

from dagster_dot.asset_factory import dot_failures
from dagster_dot.components.base import DotFields
from dagster_dot.components.scaffolding import Name, dot_component, in_project
from dagster_dot.evaluation import Limits, facts_of, finished_run, work_of
from dagster_dot.resource import RESOURCE_KEY, client_of
from dagster_dot.suite_checks import connect_resources, relations_of
from dot_provider.api import DotError, DotUsageError
from dot_provider.api.arguments import checked_line, checked_share, checked_texts
from dot_provider.api.evaluations import POLL_INTERVAL
from dot_provider.api.run_evaluation import EVALUATION_TIMEOUT, EvaluationRequest, evaluation_request

if TYPE_CHECKING:
    from dot_provider.api import DotClient, EvaluationRun
    from dot_provider.evaluations.suite import EvaluationSuite

Build: TypeAlias = Sequence[str] | Callable[[dg.OpExecutionContext, str], None]
"""What builds dbt for a pull request: a command, or a function of the context and the pull request's number."""


def build_dot_pull_request_job(
    *,
    build: Build,
    name: str = "dot_pull_request",
    prefix: str = "pr",
    targets: Mapping[str, Any] | None = None,
    project_dir: str | PathLike[str] | None = None,
    suite_file: str | PathLike[str] | Mapping[str, Any] | None = None,
    sql_resource_key: str | None = None,
    dbt_manifest: str | PathLike[str] | None = None,
    min_pass_rate: float | None = None,
    merge: bool | Literal["propose"] = False,
    resource_key: str = RESOURCE_KEY,
) -> dg.JobDefinition:
    """Build the job that makes an environment, builds dbt, syncs, evaluates, compares, merges, and cleans up.

    The config of a run is ``{"pull_request": "17"}``. ``{pull_request}`` in ``build`` and ``targets``
    becomes that number. The environment is deleted whatever became of the steps, unless it was proposed for a review.
    Where it is there already, of a run that was killed, it is taken: let one run of a pull request go on at a time.

    ``/environments`` with ``targets``, ``sync_target``, ``diff``, ``conflicts``, ``merge`` and ``proposal``;
    ``POST /evaluations/{id}/runs``. Needs a modeler's token.

    Args:
        build: the command that builds dbt into the pull request's schema, as a list of texts; ``DOT_PULL_REQUEST`` is
            the number. In Python also a function of the context and the number.
        name: name of the job.
        prefix: how the environment's name begins: ``pr`` makes ``pr-17``.
        targets: which databases and schemas the environment reads, those that ``build`` builds into.
        project_dir: folder that the command runs in.
        suite_file: a suite of questions that is graded in the environment, with the pull request's own numbers.
        sql_resource_key: resource that the suite's SQL runs on, unless a question names its own.
        dbt_manifest: dbt's ``manifest.json`` or its folder, as ``build`` writes it, for ``ref`` and ``source``.
        min_pass_rate: share of the questions (0 to 1) that must pass; all without it.
        merge: True to bring the environment's changes into production, or to propose them where the token may not;
            ``propose`` to propose them in any case.
        resource_key: where the ``DotResource`` is found.

    Raises:
        DotUsageError: the suite has problems, or an argument is wrong.

    Examples:
        >>> build_dot_pull_request_job(
        ...     build=["dbt", "build", "--vars", "schema: pr_{pull_request}"],
        ...     targets={"shop": {"schema": "pr_{pull_request}"}},
        ... )
    """
    from dot_provider.evaluations.suite import EvaluationSuite

    checked_line("prefix", prefix)
    checked_share("min_pass_rate", min_pass_rate)
    if merge not in (True, False, "propose"):
        raise DotUsageError(f"merge must be true, false or propose, not {merge!r}.")
    command = None if callable(build) else checked_texts("build", build)
    if command is not None and not command:
        raise DotUsageError("build is empty: give the command that builds dbt.")
    suite = None
    if suite_file is not None:
        suite = EvaluationSuite.read(suite_file if isinstance(suite_file, Mapping) else fspath(suite_file)).check()
    own = {one.fields.get("conn_id") for one in suite.questions} if suite is not None else set()
    keys = {key for key in (*own, sql_resource_key) if key}

    @dg.op(name=f"{name}_steps", required_resource_keys={resource_key, *keys}, config_schema={"pull_request": str})
    def steps(context: dg.OpExecutionContext) -> None:
        number = checked_line("pull_request", context.op_config["pull_request"])
        client = client_of(context, resource_key)
        with dot_failures(), _tried(context, client, f"{prefix}-{number}", _of(number, targets)) as tried:
            if callable(build):
                build(context, number)
            else:
                _run(context, _of(number, command), project_dir, number)
            client.sync_environment_target(tried.id)
            evaluated = None
            if suite is not None:
                sql = connect_resources(context)
                answered = suite.with_answers(sql, {}, relations_of(dbt_manifest), conn_id=sql_resource_key or "")
                evaluated = _grade(context, client, tried.id, answered, min_pass_rate).target_commit
            found = client.compare_environment(tried.id)
            context.log.info(f"{len(found.changes)} changes, {len(found.conflicts)} conflicts")
            if found.conflicts:
                raise dg.Failure("Production has changed what the environment changes, too.", allow_retries=False)
            if merge is not False:
                tried.outcome = client.merge_or_propose_environment(
                    tried.id, merge=merge is True, expected_target_commit=evaluated
                ).outcome

    @dg.config_mapping(config_schema={"pull_request": str})
    def of_run(config: Any) -> Any:
        return {"ops": {f"{name}_steps": {"config": config}}}

    @dg.job(name=name, config=of_run, description="Tries a pull request of the dbt project in an environment of Dot.")
    def pull_request_job() -> None:
        steps()

    return pull_request_job


@dataclass
class _Tried:
    """The environment of a pull request, and what became of its changes."""

    id: str
    outcome: str = ""


@contextmanager
def _tried(context: dg.OpExecutionContext, client: "DotClient", name: str, targets: Any) -> Iterator[_Tried]:
    """Yield the environment of this name, and delete it, unless it was proposed for a review."""
    tried = _Tried(client.ensure_environment(name, targets).id)
    try:
        yield tried
    except BaseException:  # a termination too
        try:
            client.delete_environments(name)
        except DotError as error:
            context.log.error(f"The environment {name} was not deleted: {error}")
        raise
    if tried.outcome != "proposed":
        client.delete_environments(name)


def _of(number: str, holder: Any) -> Any:
    """Return ``holder`` with the pull request's number in each of its texts."""
    if isinstance(holder, str):
        return holder.replace("{pull_request}", number)
    if isinstance(holder, Mapping):
        return {key: _of(number, value) for key, value in holder.items()}
    return [_of(number, value) for value in holder] if isinstance(holder, list | tuple) else holder


def _run(context: dg.OpExecutionContext, command: Sequence[str], folder: Any, number: str) -> None:
    environment = {**os.environ, "DOT_PULL_REQUEST": number}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise DotUsageError(f"build: {command[0]} cannot be run: {error.strerror or error}.") from None
    context.log.info(done.stdout + done.stderr)
    if done.returncode:
        raise dg.Failure(f"{' '.join(command)} ended with {done.returncode}; its output is in the log.")


def _grade(
    context: dg.OpExecutionContext,
    client: "DotClient",
    environment_id: str,
    suite: "EvaluationSuite",
    min_pass_rate: float | None,
) -> "EvaluationRun":
    inside = client.in_environment(environment_id)
    request = evaluation_request(
        inside.server,
        None,
        suite,
        target_environment=environment_id,
        work=work_of(context),
        metadata=facts_of(context),
    )
    judged = partial(EvaluationRequest.judge, min_pass_rate=min_pass_rate)
    limits = Limits(EVALUATION_TIMEOUT, POLL_INTERVAL)
    # What was right stays so where the steps behind it are tried again.
    sent, run = finished_run(
        context, inside, request, limits, {}, keeps=lambda *found: judged(*found).outcome == "pass"
    )
    gate = judged(sent, run)
    context.log.info(gate.summary)
    return gate.require_pass().run


@dot_component(
    "Dot: try a pull request",
    scaffold={"dbt_project": "dbt", "prefix": (Name, "pr")},
    attributes=lambda made: {
        "build": ["dbt", "build"],
        "project_dir": in_project(made.dbt_project),
        "prefix": made.prefix,
    },
)
class DotPullRequestComponent(DotFields, dg.Component, dg.Model):
    """A job that tries a pull request of a dbt project in an environment of Dot before it is merged."""

    produces: ClassVar[Sequence[str]] = ("job",)
    builder: ClassVar[Callable[..., Any]] = build_dot_pull_request_job

    build: Sequence[str]
    name: str = "dot_pull_request"
    prefix: str = "pr"
    targets: Mapping[str, Any] | None = None
    project_dir: str | None = None
    suite_file: str | None = None
    sql_resource_key: str | None = None
    dbt_manifest: str | None = None
    min_pass_rate: float | None = None
    merge: bool | Literal["propose"] = False
    resource_key: str = RESOURCE_KEY

    def refuse_mistakes(self) -> None:
        """Refuse what the builder refuses."""
        build_dot_pull_request_job(**self.arguments())

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the job."""
        return dg.Definitions(jobs=[build_dot_pull_request_job(**self.arguments())])
