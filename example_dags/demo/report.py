"""What the demo prints: a line per step while it runs, a table and the answer at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from example_dags.demo.steps import Step


def announce(base_url: str, is_sandbox: bool) -> None:
    """Say which Dot is used."""
    kind = "a local sandbox, no account needed" if is_sandbox else "the Dot that DOT_BASE_URL names"
    print(f"Dot: {base_url} ({kind})\n", flush=True)


def line_for(step: Step) -> str:
    """Return the line for a step that has just finished."""
    mark = "ok    " if step.ok else "FAILED"
    return f"  {mark} {step.orchestrator:<8} {step.name:<28} {step.seconds:5.1f} s  {step.happened}"


def closing(steps: Sequence[Step], warehouse: Path, seconds: float, is_broken: bool = False) -> str:
    """Return the table of all steps, the answer, and what to look at next."""
    rows = [
        [s.name, s.orchestrator, s.happened, "" if s.rows is None else f"{s.rows:,}", f"{s.seconds:.1f}"] for s in steps
    ]
    parts = ["", table(["step", "orchestrator", "what happened", "rows", "seconds"], rows)]
    for step in steps:
        if step.answer:
            parts += ["", f"{step.orchestrator.title()} {step.happened}:", *indented(step.answer)]
    if is_broken:
        parts += ["", "A model was broken on purpose: dbt's tests passed, and the gates closed. `make demo` mends it."]
        return "\n".join(parts)
    parts += [
        "",
        f"Done in {seconds:.0f} s. The warehouse is {warehouse}: the dbt models in schema main, Dot's conversations in",
        "dot_airflow and dot_dagster. Look into it:",
        "",
        f"  .venv/bin/python -c \"import duckdb; print(duckdb.connect('{warehouse}', read_only=True).sql(",
        "      'select role, count(*) as messages from dot_airflow.messages group by role'))\"",
    ]
    return "\n".join(parts)


def indented(text: str) -> list[str]:
    """Return the lines of ``text``, set off from the left."""
    return ["", *(f"    {line}" if line else "" for line in text.splitlines())]


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table in plain text; numbers are in the last two columns and stand to the right."""
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]
    numbers = {len(header) - 1, len(header) - 2}

    def line(cells: list[str]) -> str:
        return "  ".join(
            c.rjust(w) if i in numbers else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        )

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(header), rule, *(line(row) for row in rows)])
