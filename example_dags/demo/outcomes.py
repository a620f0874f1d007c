"""What a task of the DAG returned, or an asset's materializations say, as one line that a person understands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from example_dags.demo.report import table

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Outcome:
    """A line, a number of rows where rows mean something, and Dot's answer where there is one."""

    text: str
    rows: int | None = None
    answer: str | None = None


def returned(task_id: str, result: Any) -> Outcome:
    """Return what the result of an Airflow task says."""
    if task_id == "dbt_build":
        return Outcome(dbt_counts(result))
    if task_id == "report_dbt_run":
        return Outcome(f"Dot knows the dbt run: {sum(result['counts'].values())} nodes, {len(result['failed'])} failed")
    if task_id == "sync":
        return Outcome(synced(f"{result['connection_type']}/{result['connection_id']}"))
    if task_id == "push_dashboards":
        return Outcome(pushed(result), sum(result.values()))
    if task_id == "evaluate":
        return evaluated(result["questions"])
    if task_id == "ask":
        return Outcome(asked(result["question"]), answer=result["text"])
    window = f"{result['start_date']} to {result['end_date']}"
    return Outcome(exported(result["conversations"], result["messages"], window), result["messages"])


def materialized(events: Sequence[dg.AssetMaterialization]) -> Outcome:
    """Return what the materializations of a Dagster step say."""
    said: Mapping[str, Any] = {name: value.value for name, value in events[0].metadata.items()} if events else {}
    if "connection" in said:
        return Outcome(synced(said["connection"]))
    if "answer" in said:
        question, _, answer = str(said["answer"]).partition("\n\n")
        # The page shows table and chart below the text; in a terminal once is enough.
        blocks = dict.fromkeys(answer.split("\n\n![")[0].split("\n\n"))
        return Outcome(asked(question.strip("*")), answer="\n\n".join(blocks))
    if "dry_run" in said:
        outcomes = ("sent", "unchanged", "failed", "deleted", "deactivated")
        counts = {name: said[name] for name in outcomes if said.get(name)}
        return Outcome(pushed(counts), sum(counts.values()))
    if "window" in said:  # of a backfill each partition's event tells the rows of the whole table
        rows = {event.asset_key.path[-1]: int(event.metadata["dagster/row_count"].value) for event in events}  # type: ignore[arg-type]
        return Outcome(exported(rows["conversations"], rows["messages"], said["window"]), rows["messages"])
    return Outcome(f"dbt built {len(events)} seeds and models and tested them; Dot knows the run")


def dbt_counts(line: str) -> str:
    """Return what dbt's last line says."""
    counts = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", str(line))}
    return f"dbt built and tested the shop: {counts.get('PASS', 0)} passed, {counts.get('ERROR', 0)} failed"


def synced(connection: str) -> str:
    """Return the line for a sync."""
    return f"Dot has read the models of {connection} anew"


def pushed(counts: Mapping[str, int]) -> str:
    """Return the line for pushed dashboards."""
    return "dashboards of the dbt project: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


def evaluated(questions: Sequence[Mapping[str, Any]]) -> Outcome:
    """Return the line for an evaluation, and which questions Dot answers wrong."""
    wrong = [[one["question"], one["expected"], one["observed"]] for one in questions if one["verdict"] != "pass"]
    line = f"found {len(questions) - len(wrong)} of {len(questions)} of Dot's answers right"
    return Outcome(line, answer=table(["wrong", "expected", "observed"], wrong) if wrong else None)


def asked(question: str) -> str:
    """Return the line for a question."""
    return f"asked {question!r} and kept the answer"


def exported(conversations: int, messages: int, window: str) -> str:
    """Return the line for an export."""
    return f"{conversations} conversations, {messages} messages of {window}"
