"""Answers for a sandbox without a warehouse: made up, but the same question gets the same one."""

from __future__ import annotations

import hashlib

from dot_provider.sandbox.findings import Chart, Finding, Table
from dot_provider.sandbox.words import stem, words_of

_DIMENSIONS = {
    "region": ("Europe", "North America", "Asia", "Latin America"),
    "channel": ("Organic", "Paid search", "Email", "Partners"),
    "segment": ("Enterprise", "Mid market", "Small business", "Self serve"),
    "product line": ("Outdoor", "Kitchen", "Office", "Garden"),
}
_METRICS = {
    stem(name): name
    for name in ("revenue", "orders", "customers", "signups", "sessions", "cost", "churn", "tickets", "sales", "users")
}


def answer(question: str, context: str, seed: int) -> Finding:
    """Invent an answer from the words of a question, the questions before it, and the sandbox's seed."""
    numbers = _numbers(f"{seed} {' '.join(words_of(context))} > {' '.join(words_of(question))}")
    words = words_of(f"{question} {context}")
    metric = next((_METRICS[word] for word in words if word in _METRICS), "revenue")
    named = [name for name in _DIMENSIONS if name.split()[0] in words]
    dimension = named[0] if named else sorted(_DIMENSIONS)[numbers[0] % len(_DIMENSIONS)]
    labels = _DIMENSIONS[dimension]
    values = {label: 200 + number % 9800 for label, number in zip(labels, numbers[1:], strict=False)}
    rows = tuple(sorted(values.items(), key=lambda row: -row[1]))
    column = dimension.replace(" ", "_")
    found = Table((column, metric), rows)
    total = sum(value for _, value in rows)
    text = (
        f"**{total:,}** is the total of {metric}. {rows[0][0]} leads with {rows[0][1] / total:.0%}.\n\n"
        f"{found.markdown()}\n\n_Invented by the sandbox, which has no warehouse to look into._"
    )
    sql = f"select {column}, sum({metric}) as {metric} from analytics.{metric} group by 1 order by 2 desc"  # noqa: S608
    chart = Chart(f"{metric} by {dimension}", tuple(r[0] for r in rows), tuple(float(r[1]) for r in rows))
    others = [name for name in _DIMENSIONS if name != dimension]
    follow_ups = (f"What is the {metric} by {others[0]}?", f"Show me the {metric} of the last months.")
    return Finding(text, sql, found, chart, follow_ups, is_true=False)


def _numbers(key: str) -> list[int]:
    digest = hashlib.sha256(key.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4)]
