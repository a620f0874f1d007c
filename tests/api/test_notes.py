"""Notes are listed, created and replaced by title; HTML becomes markdown."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api import DotClient
from dot_provider.api._core.call import Call
from dot_provider.api.arguments import says_something
from dot_provider.api.errors import DotConfigError, DotNotFoundError, DotPermissionError, DotUsageError
from dot_provider.api.notes import Note, Organization, list_notes, markdown_from_html, replace_block, upsert_note
from dot_provider.api.records import Reply
from dot_provider.sandbox import Sandbox
from tests.api.runs import Run
from tests.both_clients import Connect


@pytest.mark.parametrize(("text", "notes"), [("", []), ("# all", [Note("", "", "# all")])])
def test_an_older_dots_single_note_is_listed_where_there_is_one(text: str, notes: list[Note]) -> None:
    answers = iter([DotNotFoundError("x", status=404), Organization("o", text)])
    assert Run(lambda call: next(answers))(list_notes()) == notes


def test_todays_notes_are_listed_as_they_are() -> None:
    assert Run(lambda call: [Note("n1", "t", "# x")])(list_notes()) == [Note("n1", "t", "# x")]


def test_a_refusal_is_no_older_dot() -> None:
    with pytest.raises(DotPermissionError):
        Run(lambda call: DotPermissionError("x", status=403))(list_notes())


def test_a_note_is_created_then_left_then_replaced(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    done = [client.upsert_note("Orders", text).outcome for text in ("# v1", "# v1", "# v2")]
    assert done == ["created", "unchanged", "updated"]
    assert [(note.title, note.markdown) for note in client.notes()] == [("Orders", "# v2")]
    assert client.upsert_note(" Orders ", "# v2").outcome == "unchanged"


def test_space_around_a_title_is_no_part_of_it(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    titles = ("Revenue", " Revenue ", "Revenue")
    assert [client.upsert_note(title, "net").outcome for title in titles] == ["created", "unchanged", "unchanged"]


def test_an_older_dot_gets_a_section_of_its_single_note(connect: Connect) -> None:
    with Sandbox(older=True) as older:
        client = connect(older.base_url)
        done = [client.upsert_note("Orders", text).outcome for text in ("# v1", "# v1", "# v2")]
        assert done == ["created", "unchanged", "updated"]
        assert client.upsert_note("Customers", "# c").outcome == "created"
        (note,) = client.notes()
        assert note.markdown == (
            '<note title="Orders">\n\n# v2\n\n</note>\n\n<note title="Customers">\n\n# c\n\n</note>'
        )


class OlderDot:
    """A Dot with one note, played without HTTP."""

    def __init__(self, note: str) -> None:
        self.note = note

    def __call__(self, call: Call[Any]) -> Any:
        if call.name == "list notes":
            return DotNotFoundError("x", status=404)
        if call.name == "read workspace":
            return Organization("o", self.note)
        self.note = call.body["note"]
        return Reply()


@given(st.text(), st.text(), st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_what_people_wrote_around_a_section_is_left_as_it_is(
    before: str, behind: str, title: str, versions: list[str]
) -> None:
    """Whatever the title and the text hold, also the marks of a section."""
    texts = [text for text in versions if says_something(text)]
    if not says_something(title) or not texts or "<note" in before + behind:
        return
    dot = OlderDot(before)
    run = Run(dot)
    run(upsert_note(title, "first"))
    dot.note += behind
    for text in [*texts, "</note> and more", "last"]:
        run(upsert_note(title, text))
    assert dot.note.startswith(before.rstrip())
    assert dot.note.endswith("\n\nlast\n\n</note>" + behind)
    assert dot.note.count("<note title=") == 1
    assert run(upsert_note(title, "last")).outcome == "unchanged"


@pytest.mark.parametrize(("title", "text"), [("", "x"), ("t", " ")])
def test_an_empty_title_or_text_is_refused_before_anything_is_sent(title: str, text: str) -> None:
    run = Run(lambda call: None)
    with pytest.raises(DotUsageError, match="is empty"):
        run(upsert_note(title, text))
    assert run.calls == []


def test_the_outcome_is_told_in_one_line(dot: Sandbox) -> None:
    run = Run(OlderDot(""))
    run(upsert_note("Orders", "x"))
    assert run.said == ["Note 'Orders' created"]


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


STORAGE = """<h1>Revenue</h1><ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql</ac:parameter>
<ac:parameter ac:name="title">How</ac:parameter><ac:plain-text-body><![CDATA[select sum(amount)
  from orders where x < 1]]></ac:plain-text-body></ac:structured-macro><ac:task-list><ac:task><ac:task-id>1</ac:task-id>
<ac:task-status>incomplete</ac:task-status><ac:task-body>ask <b>finance</b></ac:task-body></ac:task><ac:task>
<ac:task-id>2</ac:task-id><ac:task-status>complete</ac:task-status><ac:task-body>define it</ac:task-body></ac:task>
</ac:task-list><p>See <ac:link><ri:page ri:content-title="Orders"/></ac:link> and
<ac:link><ri:page ri:content-title="x"/><ac:plain-text-link-body><![CDATA[returns]]></ac:plain-text-link-body></ac:link>
</p>
<ac:structured-macro ac:name="info"><ac:parameter ac:name="icon">false</ac:parameter>
<ac:rich-text-body><p>Net.</p></ac:rich-text-body></ac:structured-macro>"""


def test_confluences_macros_tasks_and_links_survive() -> None:
    markdown = markdown_from_html(STORAGE)
    assert "```sql\nselect sum(amount)\n  from orders where x < 1\n```" in markdown
    assert "- [ ] ask **finance**\n- [x] define it" in markdown
    assert " ".join(markdown.rpartition("See")[2].split()) == "Orders and returns Net."
    assert not any(word in markdown for word in ("How", "incomplete", "false"))


@pytest.mark.parametrize("tag", ["div", "ul><li", "b", "blockquote", "ac:structured-macro"])
def test_three_thousand_elements_within_each_other_are_read(tag: str) -> None:
    assert "x" in markdown_from_html(f"<{tag}>" * 3000 + "x" + "</div>" * 3000)


HUMAN = "# Ours\r\n\n  indented \\1 C:\\new  \n\n"


@pytest.mark.parametrize("mark", ['<faq name="rates">', "<faq name='rates'>", '<faq confluence_page_url="rates">'])
def test_one_block_is_replaced_and_the_rest_is_left_byte_for_byte(mark: str) -> None:
    others = f'{HUMAN}<faq name="other">\n\nkept\n\n</faq>\n\nbetween\n'
    note = f"{others}{mark}\n\nold\n\n</faq>\n behind \n"
    new = replace_block(note, "rates", r"a \1 C:\new </faq> b </FAQ")
    assert new == f"{others}{mark}\n\na \\1 C:\\new &lt;/faq> b &lt;/FAQ\n\n</faq>\n behind \n"
    assert replace_block(new, "rates", r"a \1 C:\new </faq> b </FAQ") == new


def test_a_new_block_stands_at_the_end() -> None:
    assert replace_block(HUMAN, "rates", "x") == f'{HUMAN}<faq name="rates">\n\nx\n\n</faq>'
    assert replace_block("", "rates", "x") == '<faq name="rates">\n\nx\n\n</faq>'


@pytest.mark.parametrize(
    ("note", "name"),
    [
        ('<faq name="rates"> x', "rates"),
        ('<faq name="rates">a</faq> <faq name="rates">b</faq>', "rates"),
        ("", 'a"b'),
        ("", " "),
        ("", "a\nb"),
    ],
)
def test_a_block_without_an_end_or_a_name_is_refused(note: str, name: str) -> None:
    with pytest.raises(DotUsageError):
        replace_block(note, name, "x")


def test_a_block_is_written_once_and_again_where_somebody_else_wrote_over_it(dot: Sandbox) -> None:
    with DotClient(dot.token, dot.base_url) as client:
        assert client.upsert_note("Guide", "1.10", "rates").outcome == "created"
        (note,) = client.notes()
        client.update_note(note.id, "Guide", HUMAN + note.markdown)
        assert client.upsert_note("Guide", "1.11", "rates").outcome == "updated"
        assert client.notes()[0].markdown == f'{HUMAN}<faq name="rates">\n\n1.11\n\n</faq>'
        sent = len(dot.requests)
        assert client.upsert_note("Guide", "1.11", "rates").outcome == "unchanged"
        assert [request.method for request in dot.requests[sent:]] == ["GET"]
    notes, puts = [Note("n", "Guide", "theirs")], list[str]()

    def answer(call: Call[Any]) -> Any:
        """Dot, where somebody else's text lands after our first."""
        if call.method == "PUT":
            puts.append(call.body["note"])
        return notes if call.method == "GET" else Reply()

    assert Run(answer)(upsert_note("Guide", "x", "rates")).outcome == "updated"
    assert len(puts) == 2


def test_an_older_dots_note_has_the_block_of_the_documented_script(connect: Connect) -> None:
    url = "https://x.atlassian.net/wiki?a=1&b=2"
    dot = OlderDot(f'{HUMAN}<faq confluence_page_url="{url}">\n\nold\n\n</faq>')
    assert Run(dot)(upsert_note("Guide", "new", url)).outcome == "updated"
    assert dot.note == f'{HUMAN}<faq confluence_page_url="{url}">\n\nnew\n\n</faq>'


EXAMPLE = '<faq name="rates">\n\nold\n\n</faq>'


@pytest.mark.parametrize(
    "code",
    [
        f"```html\n{EXAMPLE}\n```",
        f"~~~~\n```\n{EXAMPLE}\n~~~~",
        f"  ```\n{EXAMPLE}\n  ````",
        'Write `<faq name="rates">`.',
    ],
)
def test_a_mark_within_code_is_an_example_and_no_block(code: str) -> None:
    made = replace_block(code, "rates", "new")
    assert made == f'{code}\n\n<faq name="rates">\n\nnew\n\n</faq>'
    assert replace_block(made, "rates", "newer") == made.replace("new", "newer")
    above = f"{EXAMPLE}\n\n{code}"
    assert replace_block(above, "rates", "new") == above.replace("old", "new", 1)


@pytest.mark.parametrize("markdown", ["```\nopen", "a\n```\nb\n```", "~~~\n```", "`", f"```\n{EXAMPLE[:18]}\n```"])
def test_code_within_a_block_hides_neither_its_end_nor_the_next_block(markdown: str) -> None:
    note = replace_block(replace_block("Before.", "rates", markdown), "terms", "first")
    again = replace_block(replace_block(note, "rates", markdown), "terms", "second")
    assert again == note.replace("first", "second")


@pytest.mark.parametrize("before", ["```\nopen", "~~~~", "```\nopen\n\n"])
def test_a_block_behind_code_without_an_end_is_found_again(before: str) -> None:
    note = replace_block(before, "rates", "a\n```\nb\n```")
    assert replace_block(note, "rates", "new").count("<faq") == 1
