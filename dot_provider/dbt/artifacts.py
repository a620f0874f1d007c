"""dbt's artifacts, read and checked: ``run_results.json`` (what a run did), ``manifest.json`` (the project).

dbt writes both into its target path at the end of every command. They are handed on as they are, nothing is
left out: Dot's ``POST /dbt/run_results`` takes the two documents whole.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from dot_provider.api.arguments import checked_moment
from dot_provider.api.dbt import artifact_kind, not_executed, unreadable_entry, wrong_schema
from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import UnreadableJsonError, number_of, parse_json, record_of, text_of

Artifact: TypeAlias = Mapping[str, Any]


class ReadablePath(Protocol):
    """A path in any storage, such as Airflow's ``ObjectStoragePath`` or a ``pathlib.Path``."""

    def read_text(self, encoding: str | None = None) -> str:
        """Return the file's text."""

    def __truediv__(self, key: str, /) -> Any:
        """Return the path of ``key`` inside this folder."""


AnyPath: TypeAlias = str | os.PathLike[str] | ReadablePath


@dataclass(frozen=True)
class DbtArtifacts:
    """What one dbt command left behind: ``run_results`` and ``manifest``, each the parsed document."""

    run_results: Artifact
    manifest: Artifact

    @property
    def project(self) -> str:
        """Name of the dbt project, empty when the manifest does not say."""
        return text_of(record_of(self.manifest, "metadata"), "project_name")

    @property
    def command(self) -> str:
        """The dbt command, such as ``build`` or ``source freshness``; empty when the results do not say."""
        if artifact_kind(self.run_results) == "sources":
            return "source freshness"
        return text_of(record_of(self.run_results, "args"), "which")

    @property
    def mismatch(self) -> str | None:
        """One sentence when results and manifest come from different dbt invocations, else None.

        That happens when another dbt command ran in between. It is worth a warning in the log and no more:
        the nodes are usually the same.
        """
        results, manifest = record_of(self.run_results, "metadata"), record_of(self.manifest, "metadata")
        ids = results.get("invocation_id"), manifest.get("invocation_id")
        if None in ids or ids[0] == ids[1]:
            return None
        return (
            f"run_results (written {results.get('generated_at')}) and manifest (written "
            f"{manifest.get('generated_at')}) come from different dbt invocations: if the project changed in "
            "between, some nodes are not described as they were run."
        )


def read_artifacts(
    target_path: AnyPath | None = None,
    *,
    run_results: Artifact | AnyPath | None = None,
    manifest: Artifact | AnyPath | None = None,
) -> DbtArtifacts:
    """Read what a dbt command left behind.

    Parameters:
        target_path: dbt's target folder, in which ``run_results.json`` and ``manifest.json`` are looked for.
        run_results: the parsed document or the path of its file, instead of the one in ``target_path``. The
            ``sources.json`` of ``dbt source freshness`` is accepted in its place.
        manifest: the same for the manifest.

    Returns:
        Both documents, checked to be what they should be.

    Raises:
        DotUsageError: a file is missing, is not JSON, or is not that artifact of dbt's.
    """
    results = target_path if run_results is None else run_results
    nodes = target_path if manifest is None else manifest
    if results is None or nodes is None:
        raise DotUsageError("Give target_path, the folder dbt writes to, or both run_results and manifest.")
    return DbtArtifacts(read_run_results(results), read_manifest(nodes))


def read_run_results(source: Artifact | AnyPath) -> Artifact:
    """Read ``run_results.json`` (or ``sources.json``): a file, the one in a target folder, or parsed already.

    Raises:
        DotUsageError: it is missing, not JSON, another artifact, of a schema that is not known, or of a command that
            runs nothing.
    """
    document, origin = _load(source, "run_results.json", "run-results", "sources")
    if unreadable := unreadable_entry(document):
        raise DotUsageError(f"{origin} {unreadable}")
    if wrong := not_executed(document):
        raise DotUsageError(f"{origin}: {wrong}")
    return document


def merge_run_results(documents: Iterable[Artifact]) -> Artifact:
    """Return the results of several dbt commands of one run as one; of a node that ran twice, the later result.

    Cosmos runs dbt once per task, and dbt Cloud once per step. A test that failed for want of a table may be run again
    when the table is there: only its last result counts.

    Parameters:
        documents: the content of each ``run_results.json`` (or ``sources.json``), in any order.

    Returns:
        Them as one, with the metadata of the newest ``run_results.json``, the sum of their times, and the command
        ``build`` where they differ.

    Raises:
        DotUsageError: there is none, one is not what dbt writes, or does not say when it was written.
    """
    ordered = sorted(map(read_run_results, documents), key=_written)
    if not ordered:
        raise DotUsageError("There are no run results to merge.")
    results: dict[str, Any] = {}
    for entry in (entry for document in ordered for entry in document["results"]):
        results.pop(unique_id := entry["unique_id"], None)
        results[unique_id] = entry
    commands = {text_of(record_of(document, "args"), "which") for document in ordered}
    arguments = {**record_of(ordered[-1], "args"), "which": commands.pop() if len(commands) == 1 else "build"}
    took = sum(number_of(document, "elapsed_time") or 0 for document in ordered)
    return {**ordered[-1], "args": arguments, "elapsed_time": took, "results": list(results.values())}


def _written(document: Artifact) -> tuple[bool, Any, str]:
    metadata = record_of(document, "metadata")
    moment = checked_moment("generated_at of run_results.json", metadata.get("generated_at"))
    return artifact_kind(document) != "sources", moment, text_of(metadata, "invocation_id")


def read_manifest(source: Artifact | AnyPath) -> Artifact:
    """Read ``manifest.json``: a file, the one in a target folder, or parsed already.

    Raises:
        DotUsageError: it is missing, not JSON, another artifact, or of a schema that is not known.
    """
    document, origin = _load(source, "manifest.json", "manifest")
    if not isinstance(document.get("nodes"), Mapping):
        raise DotUsageError(f"{origin} has no nodes: run dbt again to have it written anew.")
    return document


def docs_block(manifest: Artifact | AnyPath, unique_id: str) -> str:
    """Return the text of a ``{% docs %}`` block of a dbt project.

    Parameters:
        manifest: the parsed ``manifest.json``, its path, or the target folder it is in.
        unique_id: such as ``doc.shop.revenue``.

    Raises:
        DotUsageError: there is no such block with a text; the message names those that there are.
    """
    docs = record_of(read_manifest(manifest), "docs")
    if text := text_of(record_of(docs, unique_id), "block_contents").strip():
        return text
    known = ", ".join(sorted(str(one) for one in docs)[:20])
    raise DotUsageError(f"The dbt project has no docs block {unique_id[:80]!r}; it has {known or 'none'}.")


def _load(source: Artifact | AnyPath, file_name: str, *kinds: str) -> tuple[Artifact, str]:
    """Return the document and what to call it, once it is an artifact of one of ``kinds``."""
    if isinstance(source, Mapping):
        document, origin = source, f"The given {file_name.removesuffix('.json')}"
    else:
        # Of a status that stands there twice only the last would count; a manifest is too long to look for that.
        document, origin = _load_file(_file(source, file_name), distinct=file_name != "manifest.json")
    if wrong := wrong_schema(document, *kinds):
        raise DotUsageError(f"{origin} {wrong}")
    return document, origin


def _load_file(path: ReadablePath, *, distinct: bool) -> tuple[Artifact, str]:
    try:
        text = path.read_text(encoding="utf-8")
        document = parse_json(text, finite=False, max_memory=math.inf, distinct=distinct)
    except FileNotFoundError:
        raise DotUsageError(
            f"There is no {path}: `dbt build` writes it into the target path, so run dbt before this, "
            "and give a path that this machine can read."
        ) from None
    except OSError as error:
        raise DotUsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnreadableJsonError as error:
        raise DotUsageError(f"{path} {error}: perhaps dbt was stopped while it wrote; run it again.") from None
    except ValueError:  # its bytes are no UTF-8, or its path has a NUL
        raise DotUsageError(f"{str(path)!r} is not JSON in UTF-8: give the file as dbt wrote it.") from None
    if not isinstance(document, dict):
        raise DotUsageError(f"{path} is not an artifact of dbt's: a JSON object is needed, this is a list or value.")
    return document, str(path)


def _file(source: AnyPath, file_name: str) -> ReadablePath:
    """Return ``source`` itself when it names a JSON file, else the artifact's file in that folder."""
    if isinstance(source, str) and "://" in source:
        scheme = source.partition("://")[0]
        raise DotUsageError(
            f"A path that starts with {scheme}:// is not a local one: give an object that can read it, "
            "such as Airflow's ObjectStoragePath, or the parsed document."
        )
    path: Any = source if hasattr(source, "read_text") else Path(source)
    found: ReadablePath = path if str(path).endswith(".json") else path / file_name
    return found
