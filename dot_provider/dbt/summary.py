"""A dbt run in a few lines, for logs, metadata pages and notifications."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dot_provider.api.records import number_of
from dot_provider.dbt.artifacts import DbtArtifacts
from dot_provider.dbt.results import DbtNodeResult, node_results

_LISTED_NODES = 20
_MESSAGE_CHARACTERS = 300


@dataclass(frozen=True)
class DbtRunSummary:
    """What a dbt run came to.

    Attributes:
        project: the dbt project's name.
        command: the dbt command, such as ``build``.
        seconds: how long dbt says it took, None when it does not say.
        counts: number of nodes by dbt's status, most frequent first.
        failed: the nodes that failed, in dbt's order.
        warned: the nodes that only gave a warning.
    """

    project: str
    command: str
    seconds: float | None
    counts: Mapping[str, int]
    failed: tuple[DbtNodeResult, ...]
    warned: tuple[DbtNodeResult, ...]

    @property
    def ok(self) -> bool:
        """Whether something ran and nothing failed. Warnings and skipped nodes are fine, as for dbt's exit code."""
        return bool(self.counts) and not self.failed

    @property
    def text(self) -> str:
        """One line with the counts, then one for each node that failed or warned (20 at most)."""
        took = "" if self.seconds is None else f" in {self.seconds:.1f} s"
        counts = ", ".join(f"{number} {status}" for status, number in self.counts.items()) or "nothing to do"
        lines = [" ".join(part for part in ("dbt", self.command, self.project) if part) + f"{took}: {counts}"]
        troubled = [*self.failed, *self.warned]
        lines += [_line(node) for node in troubled[:_LISTED_NODES]]
        if len(troubled) > _LISTED_NODES:
            lines.append(f"- and {len(troubled) - _LISTED_NODES} more")
        return "\n".join(lines)


def summarize(artifacts: DbtArtifacts) -> DbtRunSummary:
    """Count a run's results and pick out the nodes that need a look."""
    nodes = node_results(artifacts)
    return DbtRunSummary(
        project=artifacts.project,
        command=artifacts.command,
        seconds=number_of(artifacts.run_results, "elapsed_time"),
        counts=dict(Counter(node.status for node in nodes).most_common()),
        failed=tuple(node for node in nodes if node.outcome == "failed"),
        warned=tuple(node for node in nodes if node.outcome == "warned"),
    )


def _line(node: DbtNodeResult) -> str:
    about = f" on {node.table}" if node.is_test and node.table != node.name else ""
    message = node.message
    if len(message) > _MESSAGE_CHARACTERS:
        message = message[: _MESSAGE_CHARACTERS - 1].rstrip() + "…"
    return f"- {node.status}: {node.resource_type} {node.name}{about}" + (f": {message}" if message else "")
