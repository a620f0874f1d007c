"""Notes: listing, creating, replacing them by their title, on today's Dot and on an older one that has one note."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from dot_provider.api._core.call import Call, Flow, progress, send
from dot_provider.api.arguments import api_path, checked_text
from dot_provider.api.errors import DotConfigError, DotNotFoundError, DotUsageError
from dot_provider.api.records import Record, Reply, records_in, text_of


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
        # Of a text in one line that looks like a link or a file's name, bs4 warns as of a mistake.
        page = BeautifulSoup(_closed(html) + "\n", "html.parser")
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


def notes() -> Call[list[Note]]:
    """List the notes. ``GET /org_notes``."""
    return Call(
        "list notes",
        "GET",
        api_path("org_notes"),
        lambda document: [Note.from_record(r) for r in records_in(document, "notes", "org_notes")],
    )


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


def upsert_note(title: str, markdown: str) -> Flow[UpsertedNote]:
    """Create the note ``title``, or replace it where it exists; the same twice changes nothing.

    ``/org_notes``, or on an older Dot a marked section of the workspace's single note (``/org``, ``/save_note``), whose
    other text is left as it is.

    Raises:
        DotUsageError: title or text is empty.
        DotError: a call failed.
    """
    checked_text("title", title)
    checked_text("markdown", markdown)
    try:
        existing = yield from send(notes())
    except DotNotFoundError:
        return (yield from _upsert_section(title, markdown))
    found = next((note for note in existing if note.title.strip() == title.strip()), None)
    if found is not None and found.markdown == markdown:
        return (yield from _done(title, "unchanged"))
    if found is not None:
        yield from send(update_note(found.id, title, markdown))
        return (yield from _done(title, "updated"))
    yield from send(create_note(title, markdown))
    return (yield from _done(title, "created"))


def _upsert_section(title: str, markdown: str) -> Flow[UpsertedNote]:
    workspace = yield from send(organization())
    name = " ".join(re.sub(r'["<>&]', " ", title).split())
    # The end mark must not occur within, or the next update would leave the rest of this one behind.
    inner = markdown.replace("</note", "&lt;/note")
    opening, closing = f'<note title="{name}">', "</note>"
    section = f"{opening}\n\n{inner}\n\n{closing}"
    before, _, rest = workspace.note.partition(opening)
    old, there, after = rest.partition(closing)
    if there and opening + old + closing == section:
        return (yield from _done(title, "unchanged"))
    others = workspace.note.rstrip()
    added = f"{others}\n\n{section}" if others else section
    text = before + section + after if there else added
    yield from send(save_organization_note(workspace.id, text))
    return (yield from _done(title, "updated" if there else "created"))


def _done(title: str, outcome: Literal["created", "updated", "unchanged"]) -> Flow[UpsertedNote]:
    yield from progress(f"Note {title!r} {outcome}")
    return UpsertedNote(title, outcome)
