"""The pages above the orchestrators: their examples run, top to bottom, against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dot_provider.sandbox import Sandbox

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("page", ["client.md", "history.md"])
def test_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    with Sandbox(history=200) as dot:
        monkeypatch.setenv("DOT_API_TOKEN", dot.token)
        monkeypatch.setenv("DOT_BASE_URL", dot.base_url)
        for example in examples:
            exec(compile(example, page, "exec"), namespace)


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    pages = {path.relative_to(DOCS.parent).as_posix() for path in DOCS.rglob("*.md")}
    assert {page for page in pages if f"({page})" not in readme} == set()


def test_links_between_pages_lead_somewhere() -> None:
    for page in [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
