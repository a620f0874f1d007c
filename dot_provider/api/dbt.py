"""dbt: report a run to Dot, fetch Dot's dashboards as exposures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dot_provider.api._core.call import Call, Flow, progress, send
from dot_provider.api.arguments import api_path, checked_moment
from dot_provider.api.errors import DotRefusedError, DotUsageError
from dot_provider.api.records import Record, Reply, list_of, record_of, text_of


@dataclass(frozen=True)
class DbtExposures:
    """What ``GET /dbt/exposures`` returns: exposures as records, and the apps that rest on no dbt model."""

    exposures: tuple[Record, ...] = ()
    apps_without_dbt_models: tuple[Record, ...] = ()
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> DbtExposures:
        """Read the JSON form."""
        return cls(
            tuple(e for e in list_of(record, "exposures") if isinstance(e, dict)),
            tuple(a for a in list_of(record, "apps_without_dbt_models") if isinstance(a, dict)),
            record,
        )


REPORT_TIMEOUT = 300.0
"""Seconds that a report may take: a manifest of a large project has tens of megabytes."""

# The other commands write run_results.json too, and call models and tests that they did not run a success.
# https://docs.getdbt.com/reference/artifacts/run-results-json
_EXECUTING = ("build", "run", "test", "seed", "snapshot", "retry", "clone", "freshness", "source freshness")


READABLE = {"manifest": range(4, 13), "run-results": range(4, 7), "sources": range(3, 4)}
"""Versions of dbt's artifacts that are read, those of dbt 1.0 to 2.0, by their names in ``dbt_schema_version``."""


def artifact_kind(document: Mapping[str, Any]) -> str | None:
    """Return ``manifest``, ``run-results``, ... as ``metadata.dbt_schema_version`` says, None without it."""
    # As in https://schemas.getdbt.com/dbt/run-results/v6.json
    parts = text_of(record_of(document, "metadata"), "dbt_schema_version").split("/")
    return parts[-2] if len(parts) > 1 else None


def wrong_schema(document: Mapping[str, Any], *kinds: str) -> str | None:
    """Return what a sentence about ``document`` says where it is none of ``kinds``, or of an unknown version."""
    kind = artifact_kind(document)
    if kind is None:
        return "is not an artifact of dbt's: metadata.dbt_schema_version is missing; give the file as dbt wrote it."
    if kind not in kinds:
        return f"is dbt's {kind[:40]} artifact, and {' or '.join(kinds)} is needed here."
    known = [f"v{number}" for number in READABLE[kind]]
    version = document["metadata"]["dbt_schema_version"].rpartition("/")[2].removesuffix(".json")
    if version in known:
        return None
    known_versions = f"{known[0]} to {known[-1]}" if len(known) > 1 else known[0]
    return f"has the schema {kind}/{version[:40]}, which is not known: of dbt 1.0 to 2.0 it is {known_versions}."


def unreadable_entry(run_results: Mapping[str, Any]) -> str | None:
    """Return what a sentence about the results says where they are no list of entries that each name their node.

    Left out, a damaged entry would count as a node that did not fail.
    """
    results = run_results.get("results")
    if not isinstance(results, list):
        return "has no list of results: run dbt again to have it written anew."
    for number, entry in enumerate(results, start=1):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("unique_id"), str) or not entry["unique_id"]:
            return f"is damaged: entry {number} of its results names no node (unique_id); run dbt again."
    return None


_DISPENSABLE = ("macros", "docs", "disabled", "selectors")
"""Parts of a manifest that tell nothing of tables; macros alone are a third to two thirds of it."""


def report_dbt_run(
    run_results: Mapping[str, Any], manifest: Mapping[str, Any], *, since: datetime | str | None = None
) -> Flow[Reply]:
    """Report a dbt run, so that failing models, tests and stale sources show on Dot's dashboards until they pass.

    ``POST /dbt/run_results``; needs an admin's token. The same report twice gives the same incidents. Where it is too
    large for Dot (413), it is sent once more without what incidents do not need: macros, docs, disabled nodes.

    Args:
        run_results: the content of dbt's ``run_results.json``.
        manifest: the content of dbt's ``manifest.json``.
        since: when dbt was started; older results are refused, because a dbt that does not get as far as running
            leaves those of the run before. Without it, results of any age are taken.

    Raises:
        DotUsageError: one of them is not what dbt writes, or the results are old, empty, or of a command that runs
            nothing.
        DotError: the call failed.
    """
    call = post_dbt_run(run_results, manifest, since=since)
    try:
        return (yield from send(call))
    except DotRefusedError as error:
        if error.status != 413:
            raise
    yield from progress(f"The report was too large for Dot: sent once more without {', '.join(_DISPENSABLE)}")
    smaller = {**manifest, **{name: {} for name in _DISPENSABLE if name in manifest}}
    return (yield from send(replace(call, body={**call.body, "manifest": smaller})))


def post_dbt_run(
    run_results: Mapping[str, Any], manifest: Mapping[str, Any], *, since: datetime | str | None = None
) -> Call[Reply]:
    """Send a report once, as ``report_dbt_run`` describes it. ``POST /dbt/run_results``.

    Raises:
        DotUsageError: one of them is not what dbt writes, or the results are old, empty, or of a command that runs
            nothing.
    """
    _check_artifact("run_results", run_results, "results", "run-results", "sources")
    _check_artifact("manifest", manifest, "nodes", "manifest")
    if unreadable := unreadable_entry(run_results):
        raise DotUsageError(f"run_results {unreadable}")
    if wrong := not_executed(run_results) or too_old(run_results, since):
        raise DotUsageError(wrong)
    if not run_results["results"]:
        raise DotUsageError("run_results has no results: dbt selected nothing, or ended before it ran anything.")
    return Call(
        "report dbt run",
        "POST",
        api_path("dbt", "run_results"),
        Reply,
        body={"run_results": _in_lower_case(run_results), "manifest": manifest},
        slow=REPORT_TIMEOUT,
        event="Reported the dbt run to Dot",
    )


def too_old(run_results: Mapping[str, Any], since: datetime | str | None) -> str | None:
    """Return a sentence where dbt wrote the results before ``since``, None where it did not.

    Raises:
        DotUsageError: ``since`` is no moment, or the results do not say when they were written.
    """
    if since is None:
        return None
    written = (run_results.get("metadata") or {}).get("generated_at")
    # dbt writes them at its end, seconds after it was started, so that clocks that differ a little need no allowance.
    if checked_moment("generated_at of run_results.json", written) >= checked_moment("since", since):
        return None
    return (
        f"dbt wrote these run results at {written}, before {since}: they are of an earlier run, and nothing was sent. "
        "dbt leaves them as they are when it does not compile, is skipped, or runs with another target path or with "
        "--no-write-json. since=None takes results of any age."
    )


def _is_unproven(result: Mapping[str, Any]) -> bool:
    """Whether a success may be of a command that ran nothing: a test ends otherwise, and of a model dbt says more."""
    says_nothing = result.get("adapter_response") == {} and not result.get("message")
    is_test = str(result.get("unique_id")).startswith("test.")
    return str(result.get("status")).lower() == "success" and (is_test or says_nothing)


def not_executed(run_results: Mapping[str, Any]) -> str | None:
    """Return a sentence where the results are of a dbt command that runs neither models nor tests, else None."""
    arguments = record_of(run_results, "args")
    which = arguments.get("which")
    if arguments.get("empty") is True:
        return (
            "These run results are of dbt with --empty, which tests tables without a row: report a run on data, and "
            "let this one write elsewhere (--target-path)."
        )
    if which in _EXECUTING:
        return None
    if not which:
        results = run_results.get("results")
        tests = [one for one in results if isinstance(one, Mapping)] if isinstance(results, list) else []
        if not any(map(_is_unproven, tests)):
            return None
    command = "docs generate" if which == "generate" else which or "docs generate or dbt compile"
    return (
        f"These run results are of `dbt {str(command)[:40]}`, which runs no tests and calls them successful all the "
        "same: report those of the command before it, and let this one write elsewhere (--target-path)."
    )


def dbt_exposures(connection_id: str | None = None) -> Call[DbtExposures]:
    """Return Dot's dashboards as dbt exposures. ``GET /dbt/exposures?format=json``; admin or modeler."""
    return Call(
        "fetch dbt exposures",
        "GET",
        api_path("dbt", "exposures"),
        DbtExposures.from_record,
        query={"format": "json", **_connection(connection_id)},
    )


def dbt_exposures_yaml(connection_id: str | None = None) -> Call[str]:
    """Return Dot's dashboards as the text of an ``exposures.yml``. ``GET /dbt/exposures?format=yaml``."""
    return Call(
        "fetch dbt exposures",
        "GET",
        api_path("dbt", "exposures"),
        str,
        query={"format": "yaml", **_connection(connection_id)},
        accepts="text",
    )


def _connection(connection_id: str | None) -> dict[str, str]:
    return {"connection_id": connection_id} if connection_id else {}


def _check_artifact(name: str, value: Any, key: str, *kinds: str) -> None:
    if not isinstance(value, Mapping) or key not in value:
        raise DotUsageError(f"{name} must be the content of dbt's {name}.json, an object with {key!r}.")
    if artifact_kind(value) is not None and (wrong := wrong_schema(value, *kinds)):
        raise DotUsageError(f"{name} {wrong}")


def _in_lower_case(run_results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the results with dbt's words as dbt 1 writes them: dbt 2 says Error and Warn of a source."""
    words = [text_of(one, "status") for one in run_results["results"]]
    if all(map(str.islower, words)):
        return run_results
    entries = zip(run_results["results"], words, strict=True)
    return {**run_results, "results": [{**one, "status": word.lower()} if word else one for one, word in entries]}
