"""HTML, as wikis and CMSs have it, as the markdown that Dot's notes take."""

from __future__ import annotations

import re
from typing import Any

from dot_provider.api.errors import DotConfigError, DotUsageError

_RUN = re.compile(r"(?<!\s)(\s{100})\s+")


def markdown_from_html(html: str) -> str:
    """Return ``html`` as markdown, without scripts, styles, pictures and comments.

    Raises:
        DotUsageError: it is no text, or nothing is left of it.
        DotConfigError: the package markdownify is not installed.
    """
    try:
        from bs4 import BeautifulSoup
        from bs4.element import NavigableString
        from markdownify import MarkdownConverter
    except ImportError:
        raise DotConfigError("Notes from HTML need markdownify: pip install 'dot-provider[html]'.") from None
    if not isinstance(html, str):
        raise DotUsageError(f"html must be text, not {type(html).__name__}.")

    class Converter(MarkdownConverter):
        """Leaves out what is no text, and never looks through a run of spaces from each of its places."""

        def process_text(self, el: Any, *args: Any, **kwargs: Any) -> str:
            text = NavigableString(_RUN.sub(r"\1", el))
            text.parent, text.previous_sibling, text.next_sibling = el.parent, el.previous_sibling, el.next_sibling
            return str(super().process_text(text, *args, **kwargs))  # type: ignore[misc]

        def _left_out(self, *args: Any, **kwargs: Any) -> str:
            return ""

        convert_noscript = convert_template = convert_head = convert_img = convert_svg = convert_iframe = _left_out

    try:
        page = BeautifulSoup(_closed(html), "html.parser")
        for ordered in page("ol"):
            for number, item in enumerate(ordered("li", recursive=False)):
                # markdownify counts the items before each item; this tells it without counting.
                vars(item)["find_previous_siblings"] = lambda *_, number=number: range(number)
        text: str = Converter(heading_style="ATX", bullets="-").convert_soup(page)
    except (RecursionError, ValueError, LookupError, AttributeError, AssertionError, TypeError) as error:
        why = "too many elements stand within each other" if isinstance(error, RecursionError) else str(error)[:200]
        raise DotUsageError(f"html cannot be read ({why}): give the part that is the text.") from None
    # Looking behind keeps a run of spaces without an end of line from being tried from each of its places.
    markdown = re.sub(r"(?<![ \t])[ \t]+\n", "\n", re.sub(r"\n{3,}", "\n\n", text)).strip()
    if not markdown:
        raise DotUsageError("html holds no text once scripts and styles are dropped.")
    return markdown


def _closed(html: str) -> str:
    """Return ``html`` with each mark as text that begins something and nothing behind it can end."""
    # Python's parser looks for the end of each of them, through all that follows.
    for begin, end in (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<", ">")):
        last = html.rfind(end) + 1
        html = html[:last] + html[last:].replace(begin, "&lt;" + begin[1:])
    return html
