"""Notes: listing, creating, replacing them by their title, on today's Dot and on an older one that has one note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dot_provider.api._core.call import Call, Flow, progress, send
from dot_provider.api.arguments import api_path, checked_line, checked_text
from dot_provider.api.errors import DotConfigError, DotNotFoundError, DotUsageError
from dot_provider.api.records import Record, Reply, each, text_of


@dataclass(frozen=True)
class Note:
    """A note of the workspace. ``id`` is empty for the single note of an older Dot."""

    id: str
    title: str = ""
    markdown: str = field(default="", repr=False)
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Note:
        """Read a note from ``/org_notes``."""
        return cls(text_of(record, "id"), text_of(record, "title"), text_of(record, "note"), record)


@dataclass(frozen=True)
class Organization:
    """The workspace of an older Dot, which has a single ``note``."""

    id: str
    note: str = field(default="", repr=False)
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Organization:
        """Read the workspace from ``/org``.

        Raises:
            KeyError: there is no ``id``, which saving the note needs.
        """
        org_id = text_of(record, "id", "org_id")
        if not org_id:
            raise KeyError("id")
        return cls(org_id, text_of(record, "note"), record)


_RUN = re.compile(r"(?<!\s)(\s{100})\s+")

DEEPEST = 100
"""Elements within each other, from which on only their text is read; markdownify calls itself for each."""


def markdown_from_html(html: str) -> str:
    """Return ``html`` as markdown, without scripts, styles, pictures and comments.

    Of Confluence's storage format, code macros become blocks of code, task lists lists of tasks, and links their text;
    the parameters of other macros are left out.

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
        # Of a text in one line that looks like a link or a file's name, bs4 warns as of a mistake.
        page = BeautifulSoup(_closed(html) + "\n", "html.parser")
        _read_macros(page)
        _flatten(page)
        for ordered in page("ol"):
            for number, item in enumerate(ordered("li", recursive=False)):
                # markdownify counts the items before each item; this tells it without counting.
                vars(item)["find_previous_siblings"] = lambda *_, number=number: range(number)
        text: str = Converter(
            heading_style="ATX", bullets="-", code_language_callback=lambda pre: pre.get("data-language")
        ).convert_soup(page)
    except (RecursionError, ValueError, LookupError, AttributeError, AssertionError, TypeError) as error:
        why = "too many elements stand within each other" if isinstance(error, RecursionError) else str(error)[:200]
        raise DotUsageError(f"html cannot be read ({why}): give the part that is the text.") from None
    # Looking behind keeps a run of spaces without an end of line from being tried from each of its places.
    markdown = re.sub(r"(?<![ \t])[ \t]+\n", "\n", re.sub(r"\n{3,}", "\n\n", text)).strip()
    if not markdown:
        raise DotUsageError("html holds no text once scripts and styles are dropped.")
    return markdown


def read_markdown(path: Any) -> str:
    """Return the text of a file, of anything that reads like a ``pathlib.Path``.

    Raises:
        DotUsageError: it is missing, cannot be read, or is no text.
    """
    try:
        return str(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise DotUsageError(f"markdown_file {str(path)!r} cannot be read: {why}.") from None


def _read_macros(page: Any) -> None:
    """Write the elements of Confluence's storage format as HTML.

    https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
    """
    for macro in page("ac:structured-macro"):
        body = macro.find("ac:plain-text-body", recursive=False)
        if macro.get("ac:name") in ("code", "noformat") and body:
            language = macro.find("ac:parameter", attrs={"ac:name": "language"}, recursive=False)
            code = page.new_tag("pre", attrs={"data-language": language.get_text().strip() if language else ""})
            code.string = body.get_text()
            macro.replace_with(code)
    for task in page("ac:task"):
        status = task.find("ac:task-status", recursive=False)
        task.name = "li"
        for beside in [child for child in task.children if child.name != "ac:task-body"]:
            beside.extract()
        task.insert(0, "[x] " if status and status.get_text().strip() == "complete" else "[ ] ")
    for tasks in page("ac:task-list"):
        tasks.name = "ul"
    for link in page("ac:link"):
        target = link.find(True, attrs={"ri:content-title": True}, recursive=False)
        if target is not None and link.find(["ac:plain-text-link-body", "ac:link-body"], recursive=False) is None:
            target.string = target["ri:content-title"]
    for parameter in page("ac:parameter"):
        parameter.extract()


def _flatten(page: Any) -> None:
    """Leave the text alone of what stands too many elements deep."""
    depths = {id(page): 0}
    for element in page(True):
        depth = depths[id(element)] = depths[id(element.parent)] + 1 if id(element.parent) in depths else DEEPEST + 1
        if depth == DEEPEST:
            element.string = element.get_text(" ")


def _closed(html: str) -> str:
    """Return ``html`` with each mark as text that begins something and nothing behind it can end."""
    # Python's parser looks for the end of each of them, through all that follows.
    for begin, end in (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<", ">")):
        last = html.rfind(end) + 1
        html = html[:last] + html[last:].replace(begin, "&lt;" + begin[1:])
    return html


def notes() -> Call[list[Note]]:
    """List the notes. ``GET /org_notes``."""
    return Call("list notes", "GET", api_path("org_notes"), each(Note.from_record, "notes", "org_notes"))


def create_note(title: str, markdown: str) -> Call[Reply]:
    """Create a note. ``POST /org_notes``; not repeatable, since Dot would keep both."""
    body = {"title": checked_text("title", title), "note": checked_text("markdown", markdown)}
    return Call(f"create note {title!r}", "POST", api_path("org_notes"), Reply, repeatable=False, body=body)


def update_note(note_id: str, title: str, markdown: str) -> Call[Reply]:
    """Replace a note. ``PUT /org_notes/{id}``."""
    body = {"title": checked_text("title", title), "note": checked_text("markdown", markdown)}
    return Call(f"update note {title!r}", "PUT", api_path("org_notes", ("note_id", note_id)), Reply, body=body)


def organization() -> Call[Organization]:
    """Return the workspace with its single note. ``GET /org``, on an older Dot."""
    return Call("read workspace", "GET", api_path("org"), Organization.from_record)


def save_organization_note(org_id: str, markdown: str) -> Call[Reply]:
    """Replace the single note of an older Dot. ``POST /save_note``."""
    return Call("save note", "POST", api_path("save_note"), Reply, body={"org_id": org_id, "note": markdown})


def list_notes() -> Flow[list[Note]]:
    """Return the notes of the workspace; on an older Dot its single note, whose id and title are empty.

    ``GET /org_notes``, or ``GET /org`` where that is not known.

    Raises:
        DotError: a call failed.
    """
    try:
        return (yield from send(notes()))
    except DotNotFoundError:
        pass
    workspace = yield from send(organization())
    return [Note("", "", workspace.note, workspace.raw)] if workspace.note else []


@dataclass(frozen=True)
class UpsertedNote:
    """What became of a note: created, updated, or unchanged because it already said the same."""

    title: str
    outcome: Literal["created", "updated", "unchanged"]


def upsert_note(title: str, markdown: str, block: str | None = None) -> Flow[UpsertedNote]:
    """Create the note ``title``, or replace it where it exists; the same twice changes nothing.

    ``/org_notes``, or on an older Dot a marked section of the workspace's single note (``/org``, ``/save_note``), whose
    other text is left as it is.

    Args:
        title: names the note.
        markdown: its text.
        block: name of one marked block of the note, which alone is replaced; see ``replace_block``.

    Raises:
        DotUsageError: title or text is empty, or the block has no end.
        DotError: a call failed.
    """
    title = checked_text("title", title).strip()
    checked_text("markdown", markdown)
    outcome: Literal["created", "updated", "unchanged"] = "unchanged"
    try:
        # Dot cannot tell whether somebody else wrote meanwhile, so a block is looked for once more.
        for _ in range(1 if block is None else 2):
            existing = yield from send(notes())
            found = next((note for note in existing if note.title.strip() == title.strip()), None)
            before = found.markdown if found is not None else ""
            text = markdown if block is None else replace_block(before, block, markdown)
            if found is None:
                yield from send(create_note(title, text))
                return (yield from _done(title, "created"))
            if before == text:
                break
            yield from send(update_note(found.id, title, text))
            outcome = "updated"
    except DotNotFoundError:
        return (yield from _upsert_section(title, markdown, block))
    return (yield from _done(title, outcome))


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)


def replace_block(note: str, name: str, markdown: str) -> str:
    """Return the text of a note with one marked block replaced, or added at its end; the rest is left byte for byte.

    A block stands between ``<faq name="...">`` and ``</faq>``, outside of code. Those of the script in Dot's
    documentation, which are marked by ``confluence_page_url``, are found by that address as their name.

    Raises:
        DotUsageError: the name cannot stand in such a mark, the block has no end, or there are two of them.
    """
    if re.search(r'["<>]', checked_line("block", name)):
        raise DotUsageError(f"block {name[:80]!r} cannot hold quotes or angle brackets: give another name.")
    marks = [f"<faq {field}={quote}{name}{quote}>" for field in ("name", "confluence_page_url") for quote in "\"'"]
    return _with_section(note, marks, "</faq>", markdown)


def _places(text: str, marks: Sequence[str], closing: str) -> tuple[list[tuple[int, str]], str]:
    """Return where a mark begins a section, and which; and the mark of code that is still open at the end.

    What stands within code is an example of a section, unless the code has no end.
    """
    found, held = list[tuple[int, str]](), list[tuple[int, str]]()
    place, code, inside = 0, "", False
    wanted = re.compile("|".join(map(re.escape, marks)))
    for line in text.splitlines(keepends=True):
        shown = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", lambda one: " " * len(one[0]), line)
        fence = _FENCE.match(line)
        here = [(place + mark.start(), mark[0]) for mark in wanted.finditer(shown)]
        if inside and closing in shown:
            code, inside, held = "", False, []  # code that is open within a section ends with it
        elif code:
            held += here
            if fence and fence[1].startswith(code) and not fence[2].strip():
                code, held = "", []
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            code = fence[1]
        else:
            found += here
            inside = inside or (f"<{closing[2:-1]} " in shown and closing not in shown)
        place += len(line)
    return found + held, code


def _with_section(text: str, marks: Sequence[str], closing: str, markdown: str) -> str:
    there, code = _places(text, marks, closing)
    if len(there) > 1:
        raise DotUsageError(f"The note has {len(there)} blocks of the name in {there[0][1][:80]}: leave one of them.")
    at, opening = there[0] if there else (len(text), marks[0])
    # The end mark must not occur within, or the next update would leave the rest of this one behind.
    inner = re.sub(re.escape(closing[:-1]), lambda found: "&lt;" + found[0][1:], markdown, flags=re.IGNORECASE)
    section = f"{opening}\n\n{inner}\n\n{closing}"
    if not there:
        text = f"{text}\n{code}" if code else text
        gap = "\n" * max(0, 2 - (len(text) - len(text.rstrip("\n")))) if text else ""
        return f"{text}{gap}{section}"
    _, has_end, after = text[at:].partition(closing)
    if not has_end:
        raise DotUsageError(f"The note has {opening} and no {closing} behind it: write it where the block ends.")
    return text[:at] + section + after


def _upsert_section(title: str, markdown: str, block: str | None) -> Flow[UpsertedNote]:
    workspace = yield from send(organization())
    if block is None:
        name = " ".join(re.sub(r'["<>&]', " ", title).split())
        text = _with_section(workspace.note, [f'<note title="{name}">'], "</note>", markdown)
    else:
        text = replace_block(workspace.note, block, markdown)
    if text == workspace.note:
        return (yield from _done(title, "unchanged"))
    yield from send(save_organization_note(workspace.id, text))
    is_new = text.startswith(workspace.note)  # a section that is not there is added at the end
    return (yield from _done(title, "created" if is_new else "updated"))


def _done(title: str, outcome: Literal["created", "updated", "unchanged"]) -> Flow[UpsertedNote]:
    yield from progress(f"Note {title!r} {outcome}")
    return UpsertedNote(title, outcome)
