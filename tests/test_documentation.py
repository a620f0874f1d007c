"""The pages above the orchestrators: their examples run, top to bottom, against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dot_provider.sandbox import Sandbox

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.usefixtures("quick_clock")
@pytest.mark.parametrize("page", ["client.md", "history.md", "start/python.md", "warehouses.md"])
def test_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))  # where dlt remembers the databases of its pipelines
    namespace: dict[str, object] = {}
    with Sandbox(history=200) as dot:
        monkeypatch.setenv("DOT_API_TOKEN", dot.token)
        monkeypatch.setenv("DOT_BASE_URL", dot.base_url)
        for example in examples:
            exec(compile(example, page, "exec"), namespace)


def links(page: Path) -> list[Path]:
    """Return the files of the project that a page links to."""
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    return [(page.parent / target).resolve() for target in targets]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [(DOCS.parent / "README.md").resolve()]
    while ahead:
        page = ahead.pop()
        if page.suffix == ".md" and page not in reached and page.exists():
            reached.add(page)
            ahead += links(page)
    assert {path for path in DOCS.rglob("*.md") if path.resolve() not in reached} == set()


def test_every_page_stands_in_the_navigation_once() -> None:
    named = re.findall(r'= "([^"]+\.md)" }', (DOCS.parent / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_links_between_pages_lead_somewhere() -> None:
    for page in [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        missing = [target for target in links(page) if not target.exists()]
        assert missing == [], f"{page.name} links to {missing}"
