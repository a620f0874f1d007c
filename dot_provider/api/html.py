"""HTML, as wikis and CMSs have it, as the markdown that Dot's notes take."""

from __future__ import annotations

import re

from dot_provider.api.errors import DotConfigError, DotUsageError


def markdown_from_html(html: str) -> str:
    """Return ``html`` as markdown, without scripts, styles, pictures and comments.

    Raises:
        DotUsageError: it is no text, or nothing is left of it.
        DotConfigError: the package markdownify is not installed.
    """
    try:
        from bs4 import BeautifulSoup
        from markdownify import MarkdownConverter
    except ImportError:
        raise DotConfigError("Notes from HTML need markdownify: pip install 'dot-provider[html]'.") from None
    if not isinstance(html, str):
        raise DotUsageError(f"html must be text, not {type(html).__name__}.")
    page = BeautifulSoup(html, "html.parser")
    for element in page(["script", "style", "noscript", "template", "head", "img", "svg", "iframe"]):
        element.decompose()
    text: str = MarkdownConverter(heading_style="ATX", bullets="-").convert_soup(page)
    markdown = re.sub(r"[ \t]+\n", "\n", re.sub(r"\n{3,}", "\n\n", text)).strip()
    if not markdown:
        raise DotUsageError("html holds no text once scripts and styles are dropped.")
    return markdown
