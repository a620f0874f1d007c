"""HTML as markdown."""

from __future__ import annotations

import sys

import pytest

from dot_provider.api.errors import DotConfigError, DotUsageError
from dot_provider.api.html import markdown_from_html

PAGE = """<html><head><title>Wiki</title><style>h1 {color: red}</style></head><body>
<h1>Revenue</h1><!-- draft --><script>track('secret')</script>
<p>Net of <b>refunds</b>, see <a href="https://wiki.example/refunds">refunds</a>.</p>
<ul><li>monthly</li><li>per region</li></ul>
<table><tr><th>Region</th><th>Owner</th></tr><tr><td>North</td><td>Ada</td></tr></table>
<img src="https://wiki.example/pixel.png"></body></html>"""


def test_keeps_structure_and_drops_scripts_styles_and_comments() -> None:
    markdown = markdown_from_html(PAGE)
    assert markdown.startswith("# Revenue\n\nNet of **refunds**, see [refunds](https://wiki.example/refunds).")
    assert "- monthly\n- per region" in markdown
    assert "| North | Ada |" in markdown
    for dropped in ("secret", "color", "draft", "pixel", "Wiki"):
        assert dropped not in markdown


@pytest.mark.parametrize(("html", "words"), [(None, "html must be text"), ("<script>x</script>", "holds no text")])
def test_refuses_what_has_no_text(html: object, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        markdown_from_html(html)  # type: ignore[arg-type]


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdownify", None)
    with pytest.raises(DotConfigError, match=r"pip install 'dot-provider\[html\]'"):
        markdown_from_html(PAGE)
