from __future__ import annotations

from pathlib import Path

from dot_provider.history.facts import NAMES, tables_in


def test_the_documentation_lists_the_names_that_are_looked_for() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "history.md").read_text(encoding="utf-8").splitlines()
    for fact, names in NAMES.items():
        assert f"| `{fact}` | {', '.join(f'`{name}`' for name in names)} |" in lines


def test_the_tables_of_a_query_are_those_that_it_reads() -> None:
    sql = """
        WITH x AS (SELECT 1), y AS MATERIALIZED (SELECT extract(year FROM day) FROM "shop"."orders")
        SELECT 'from nowhere', a IS DISTINCT FROM b FROM x JOIN y ON true LEFT JOIN shop.users u USING (id) -- from z
        JOIN generate_series(1, 2) ON true
    """
    assert tables_in(sql) == ["shop.orders", "shop.users"]
