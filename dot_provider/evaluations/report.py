"""A judged run as files: JUnit for CI, JSON for programs, Markdown for people; and as incidents of tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Any

from dot_provider.api.errors import DotTransientError
from dot_provider.api.evaluations import EvaluationQuestion
from dot_provider.api.gate import Gate
from dot_provider.api.records import storable
from dot_provider.evaluations.suite import EvaluationSuite

MOST_QUESTIONS = 200
"""How many questions a record lists, those first that did not pass."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BADGES = {"pass": "passed", "fail": "**failed**", "error": "**error**", "pending": "no answer"}
_HEADER = ("", "question", "expected", "observed", "")


def ordered(gate: Gate) -> list[EvaluationQuestion]:
    """Return the run's questions, those first that did not pass."""
    return sorted(gate.run.questions, key=lambda one: one.verdict == "pass")


def gate_record(gate: Gate, most: int = MOST_QUESTIONS) -> dict[str, Any]:
    """Return a judged run as plain values; numbers of answers are texts, because JSON and XCom round them."""
    run = gate.run
    record: dict[str, Any] = {
        "run_id": run.id,
        "evaluation_id": run.evaluation_id,
        "outcome": gate.outcome,
        "reasons": list(gate.reasons),
        "verdict": run.verdict,
        "total": run.total,
        "passed": run.passed,
        "failed": run.failed,
        "errors": run.errors,
        "pass_rate": round(gate.pass_rate, 6),
        **{name: list(getattr(gate, name)) for name in ("regressions", "recoveries", "flaky", "warned")},
        "target_commit": run.target_commit,
        "url": run.url,
        "questions": [
            {
                name: getattr(one, name)
                for name in ("id", "question", "verdict", "expected", "observed", "reason", "url")
            }
            for one in ordered(gate)[:most]
        ],
    }
    made: dict[str, Any] = storable(record)
    return made


def gate_to_json(gate: Gate) -> str:
    """Return a judged run, with all questions and Dot's own record, as JSON."""
    record = {"schema_version": 1, "gate": gate_record(gate, len(gate.run.questions)), "run": storable(gate.run.raw)}
    return json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n"


def gate_to_junit(gate: Gate) -> str:
    """Return a judged run as JUnit's XML: a case per question, those of severity ``warn`` skipped where they fail."""
    from xml.etree import ElementTree

    cases = list(gate.run.questions)
    kinds = [_junit_kind(one, gate) for one in cases]
    kinds += ["failure" if gate.outcome == "fail" else "error"] if gate.outcome != "pass" else []
    counts = {f"{kind}s": str(kinds.count(kind)) for kind in ("failure", "error")} | {
        "skipped": str(kinds.count("skipped"))
    }
    name = gate.run.evaluation_id or gate.run.id
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(name), "tests": str(len(kinds) or 1), **counts})
    for one, kind in zip(cases, kinds, strict=False):
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": _xml(name), "name": _xml(one.id or one.question)}
        )
        if kind:
            message = (
                f"{one.question} expected {one.expected or '?'}, observed {one.observed or '?'} {one.reason}".strip()
            )
            ElementTree.SubElement(case, kind, {"message": _xml(message)}).text = _xml(one.url)
    if gate.outcome != "pass" or not cases:
        case = ElementTree.SubElement(suite, "testcase", {"classname": _xml(name), "name": "gate"})
        if gate.outcome != "pass":
            ElementTree.SubElement(case, kinds[-1], {"message": _xml(" ".join(gate.reasons))})
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def gate_to_markdown(gate: Gate) -> str:
    """Return a judged run as a table, for a summary page or a comment on a pull request."""
    run, name = gate.run, gate.run.evaluation_id or gate.run.id
    lines = [f"### Dot: {name} {'passed' if gate.outcome == 'pass' else f'did not pass ({gate.outcome})'}", ""]
    lines += [gate.summary, ""]
    if run.questions:
        lines += [_row(_HEADER), _row(["---"] * len(_HEADER))]
        lines += [_row(_cells(one, gate)) for one in ordered(gate)[:MOST_QUESTIONS]]
    lines += [f"[Run {run.id}]({run.url})"] if run.url else [f"Run {run.id}"]
    return _NO_XML.sub("\ufffd", "\n".join(lines)) + "\n"


def save_gate(gate: Gate, folder: Any) -> list[str]:
    """Write ``junit.xml``, ``evaluation.json`` and ``evaluation.md`` into a folder, local or in object storage.

    Raises:
        DotTransientError: a file could not be written; the run is not lost, a retry takes it and saves it.
    """
    files = {"junit.xml": gate_to_junit, "evaluation.json": gate_to_json, "evaluation.md": gate_to_markdown}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, written in files.items():
            (folder / name).write_bytes(written(gate).encode("utf-8", "replace"))
    except Exception as error:  # storages share no class of errors
        raise DotTransientError(
            f"The evaluation was not saved to save_to: {type(error).__name__}: {error}"[:500]
        ) from error
    return [str(folder / name) for name in files]


def evaluation_incidents(gate: Gate, suite: EvaluationSuite, url: str = "") -> list[dict[str, str]]:
    """Return items for ``report_incidents``, of questions that name a ``table``: most wrong answers are no table's."""
    verdicts = {one.id: one for one in gate.run.questions}
    items = []
    for one in suite.questions:
        found, table = verdicts.get(one.id), one.fields.get("table")
        if not table or found is None or found.verdict not in ("pass", "fail"):
            continue
        open_ = found.verdict == "fail"
        message = f"Dot answers {found.observed or '?'}, and {found.expected or '?'} is expected: {found.question}"
        items.append(
            {
                "table": str(table),
                "check": f"evaluation {gate.run.evaluation_id}: {one.id}",
                "status": "open" if open_ else "resolved",
                "severity": one.severity,
                "message": message if open_ else "Dot answers right again.",
                "url": found.url or gate.run.url or url,
            }
        )
    return items


def deviation(one: EvaluationQuestion) -> str:
    """Return by how much an answer is off, in per cent of what is expected; empty where that means nothing."""
    try:
        expected, observed = (Decimal(text.strip("%$€£¥ ")) for text in (one.expected, one.observed))
        off = (observed - expected) / abs(expected) * 100 if expected else Decimal("NaN")
        return f"{off:+.2f} %" if off.is_finite() and off.adjusted() < 12 else ""
    except (DecimalException, ValueError):
        return ""


def _junit_kind(one: EvaluationQuestion, gate: Gate) -> str:
    if one.verdict == "pass":
        return ""
    if one.verdict == "fail":
        return "skipped" if one.id in gate.warned else "failure"
    return "error"


def _cells(one: EvaluationQuestion, gate: Gate) -> Sequence[str]:
    notes: Mapping[str, Sequence[str]] = {"regression": gate.regressions, "flaky": gate.flaky, "warn": gate.warned}
    marks = [_BADGES.get(one.verdict, one.verdict), *(f"({word})" for word, ids in notes.items() if one.id in ids)]
    link = f"[conversation]({one.url})" if one.url else ""
    return [" ".join(marks), f"{one.question or one.id}", one.expected, one.observed or one.reason, link]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(re.sub(r'[|]', '&#124;', ' '.join(cell.split())) for cell in cells)} |"


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
