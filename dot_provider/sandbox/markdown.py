"""The little of markdown that the sandbox's own answers use, as HTML."""

from __future__ import annotations

import html
import re


def to_html(text: str) -> str:
    """Render paragraphs, tables, bold, italics and code; everything else is shown as written."""
    return "\n".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()))


def _block(block: str) -> str:
    lines = block.splitlines()
    if len(lines) > 1 and all(line.startswith("|") for line in lines):
        head, rows = lines[0], lines[2:]
        body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
        return f'<div class="scroll"><table><tr>{_cells(head, "th")}</tr>{body}</table></div>'
    return f"<p>{'<br>'.join(_inline(line) for line in lines)}</p>"


def _cells(line: str, tag: str) -> str:
    return "".join(f"<{tag}>{_inline(cell.strip())}</{tag}>" for cell in line.strip("|").split("|"))


def _inline(text: str) -> str:
    escaped = html.escape(text)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    escaped = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escaped)
    return re.sub(r"(?<!\w)_([^_]+)_(?!\w)", r"<em>\1</em>", escaped)
