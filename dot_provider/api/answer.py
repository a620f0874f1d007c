"""Dot's answer to a question, as text, tables and charts."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from dot_provider.api.conversations import Conversation, message_text
from dot_provider.api.records import Record, list_of, number_of, record_of, storable, text_of

MAX_ROWS = 50
"""Rows of a table that are shown or handed on; the rest stays behind the answer's link."""

_KINDS = ("dataframe", "chart", "file")

_PLAIN = (
    r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"  # what begins with a further 0 is a code
    r"|[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3}){2,})"
)
_SIGN = "[$€£¥₹₽₩₺₪฿]"
_SPACE = "[ \xa0\u202f]?"
_NUMBER = re.compile(
    rf"(?P<before>[A-Z]{{0,3}}{_SIGN}|[A-Z]{{3}}|){_SPACE}(?P<number>{_PLAIN}){_SPACE}(?P<after>[%‰]|[^\W\d_]{{0,12}}{_SIGN}?)"
)
_MINUS = str.maketrans("\u2212\u2012\u2013\ufe63\uff0d", "-----")  # as Unicode writes it, and people
_CURRENCY_CODES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK "
    "MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF "
    "SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU "
    "UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW"
)
_CURRENCIES = frozenset(_CURRENCY_CODES.split())
_ONE_UNIT = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP"}
_ONE_UNIT |= dict.fromkeys(("US$", "DOLLAR", "DOLLARS", "$"), "USD")
_ONE_UNIT |= dict.fromkeys(("%", "PCT", "PERCENTAGE"), "PERCENT")
_WORDS = frozenset({"all", "cup", "cop", "gel", "mad", "mop", "pen", "top", "try"})
_MAGNITUDES = frozenset({"k", "mio", "mrd", "tsd", "hundred", "thousand", "million", "billion", "bn", "mn", "lakh"})
_LONGEST_NUMBER = 60
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


@dataclass(frozen=True)
class AnswerTable:
    """A table of an answer. ``shape`` is (rows, columns); ``preview`` holds its first rows as CSV-like text.

    ``unread`` is True where a file with its rows could not be read: what is here is what Dot shows to people.
    """

    key: str
    sql: str = ""
    preview: str = ""
    summary: str = ""
    shape: tuple[int, int] | None = None
    csv_url: str = field(default="", repr=False)
    unread: bool = False

    @property
    def columns(self) -> list[str]:
        """The names of the columns, as far as the preview is a table."""
        return self._cells[0] if self._cells else []

    @property
    def rows(self) -> list[list[str]]:
        """The first ``MAX_ROWS`` rows of the preview, as long as ``columns``: missing cells are empty."""
        width = len(self.columns)
        return [(row + [""] * width)[:width] for row in self._cells[1:]]

    @property
    def is_whole(self) -> bool:
        """Whether all rows are here, each as long as ``columns``, so that no value can have been cut or moved."""
        count = len(self._cells) - 1
        even = all(len(row) == len(self.columns) for row in self._cells)
        return even and not self.unread and (self.shape[0] == count if self.shape else count < MAX_ROWS)

    @property
    def types(self) -> list[str]:
        """What each column holds, as far as its first rows show: ``number``, ``date`` (ISO 8601) or ``text``."""
        return [_type_of([row[place] for row in self.rows]) for place in range(len(self.columns))]

    @cached_property
    def _cells(self) -> list[list[str]]:
        return csv_cells(self.preview) or aligned_cells(self.preview)


@dataclass(frozen=True)
class AnswerChart:
    """A chart of an answer; ``png_url`` downloads it."""

    key: str
    interpretation: str = ""
    png_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class AnswerFile:
    """A file that Dot made for an answer."""

    key: str
    path: str = ""
    url: str = field(default="", repr=False)


@dataclass(frozen=True)
class Answer:
    """What Dot answered.

    Attributes:
        text: the answer in markdown.
        chat_id: the chat it belongs to; follow-ups go there.
        url: the page on which a person reads it.
        question: what was asked.
        tables, charts, files: its assets, in the order in which the answer shows them.
        sql: the SQL behind it, statements separated by blank lines.
        suggested_follow_ups: questions that Dot proposes.
        credits: what it cost, where Dot says so.
        raw: the answering message as Dot sent it.
    """

    text: str
    chat_id: str
    url: str
    question: str = ""
    tables: tuple[AnswerTable, ...] = ()
    charts: tuple[AnswerChart, ...] = ()
    files: tuple[AnswerFile, ...] = ()
    sql: str = ""
    suggested_follow_ups: tuple[str, ...] = ()
    credits: float | None = None
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    def to_record(self) -> dict[str, Any]:
        """Return the answer as plain JSON values, for XCom or metadata.

        Download links are left out, because some hold a secret in their path; ``raw`` is left out for its size.
        Characters that no database stores (NUL, lone surrogates) become U+FFFD.
        """
        record: dict[str, Any] = {
            "question": self.question,
            "text": self.text,
            "chat_id": self.chat_id,
            "url": self.url,
            "sql": self.sql,
            "tables": [
                {
                    "key": t.key,
                    "columns": t.columns,
                    "types": t.types,
                    "rows": t.rows,
                    "preview": t.preview,
                    "summary": t.summary,
                    "shape": list(t.shape) if t.shape else None,
                }
                for t in self.tables
            ],
            "charts": [{"key": c.key, "interpretation": c.interpretation} for c in self.charts],
            "files": [{"key": f.key, "path": f.path} for f in self.files],
            "suggested_follow_ups": list(self.suggested_follow_ups),
            "credits": self.credits,
        }
        return {name: storable(value) for name, value in record.items()}


def read_answer(conversation: Conversation, position: int, chat_url: str) -> Answer | None:
    """Return the answer to the user's question at ``position`` (from 0), or None while there is none."""
    message = conversation.answer_to(position)
    if message is None:
        return None
    extra = record_of(message, "additional_data")
    parts = [part for part in list_of(extra, "formatted_result") if isinstance(part, Mapping)]
    assets = _assets(parts, record_of(extra, "assets"))
    url = text_of(extra, "dot_url")
    return Answer(
        text=message_text(message),
        chat_id=conversation.chat_id,
        url=url if url.startswith(("https://", "http://")) else chat_url,
        question=conversation.questions[position],
        tables=tuple(_table(key, asset) for key, kind, asset in assets if kind == "dataframe"),
        charts=tuple(_chart(key, asset) for key, kind, asset in assets if kind == "chart"),
        files=tuple(_file(key, asset) for key, kind, asset in assets if kind == "file"),
        sql="\n\n".join(dict.fromkeys(s for _, _, asset in assets if (s := text_of(asset, "sql_query")))),
        suggested_follow_ups=tuple(f for f in list_of(message, "suggested_follow_ups") if isinstance(f, str)),
        credits=number_of(extra, "credits_used"),
        raw=message,
    )


def _assets(parts: list[Mapping[str, Any]], assets: Record) -> list[tuple[str, str, Record]]:
    """Return key, kind and record of each asset: first those that the answer shows, in its order, then the others.

    Assets that no part shows still belong to the answer: the official CLI downloads them too.
    """
    shown = {str(part.get("data")): str(part.get("type")) for part in parts if part.get("type") != "text"}
    keys = dict.fromkeys([*(key for key in shown if key in assets), *assets])
    return [
        (key, shown[key] if shown.get(key) in _KINDS else _kind(record_of(assets, key)), record_of(assets, key))
        for key in keys
    ]


def _kind(asset: Record) -> str:
    if asset.get("chart_download_url"):
        return "chart"
    if any(asset.get(name) for name in ("csv_download_url", "text_preview", "sql_query")):
        return "dataframe"
    return "file" if asset.get("download_url") else ""


def _table(key: str, asset: Record) -> AnswerTable:
    shape = asset.get("shape")
    known = isinstance(shape, list | tuple) and len(shape) == 2 and all(isinstance(n, int) for n in shape)
    return AnswerTable(
        key=key,
        sql=text_of(asset, "sql_query"),
        preview=text_of(asset, "text_preview"),
        summary=text_of(asset, "text_summary"),
        shape=(shape[0], shape[1]) if known and shape else None,
        csv_url=text_of(asset, "csv_download_url"),
    )


def _chart(key: str, asset: Record) -> AnswerChart:
    return AnswerChart(key, text_of(asset, "interpretation"), text_of(asset, "chart_download_url"))


def _file(key: str, asset: Record) -> AnswerFile:
    return AnswerFile(key, text_of(asset, "path"), text_of(asset, "download_url"))


def with_whole_tables(answer: Answer, files: Mapping[str, bytes]) -> Answer:
    """Return ``answer`` with its tables' rows from their files instead of previews, whose form Dot does not promise.

    Args:
        answer: from ``DotClient.ask``.
        files: contents by their links; a table without one keeps its preview.
    """
    contents = (files.get(table.csv_url, b"").decode("utf-8-sig", "replace") for table in answer.tables)
    tables = (
        replace(table, preview=text) if text else replace(table, unread=bool(table.csv_url))
        for table, text in zip(answer.tables, contents, strict=True)
    )
    return replace(answer, tables=tuple(tables))


def csv_cells(preview: str) -> list[list[str]]:
    """Return the cells of a CSV's header and first rows; none where it is none, such as columns aligned by spaces."""
    # The preview can be a whole file of many megabytes: no more of it is read than is shown.
    lines = (line.replace("\0", "") for line in lines_of(preview))
    try:
        rows = list(islice(filter(None, csv.reader(lines)), MAX_ROWS + 1))
    except csv.Error:
        return []
    if not rows or (len(rows[0]) == 1 and "  " in preview):
        return []
    if len(rows[0]) == 1:  # a comma within the only column, as in 8,530, ends no cell
        return [[",".join(row)] for row in rows]
    # With one in another column, no value would stand below its own name.
    return rows if all(len(row) <= len(rows[0]) for row in rows) else []


def aligned_cells(preview: str) -> list[list[str]]:
    """Return the cells of columns that are aligned by spaces; none where a cell is missing, so that no value shifts."""
    filled = (line.strip() for line in lines_of(preview) if line.strip())
    rows = [re.split(" {2,}", line) for line in islice(filled, MAX_ROWS + 1)]
    widths = {len(row) for row in rows}
    return rows if len(widths) == 1 and widths != {1} else []


def read_number(cell: str, expected_unit: str = "") -> tuple[int | float, str] | None:
    """Return the number in a cell, and its unit or currency ("" without one); None where it is no number.

    What can be read in two ways is none: ``1,204`` is twelve hundred in one country, and about one in another; ``1.2M``
    may be millions or metres, and ``5 DR`` is a debit. Nor is a bound (``<5``), a guess (``~5``) or a code (``007``)
    the number. A word beside it is a unit where it is a currency, a percent sign or ``expected_unit``.
    """
    found = _NUMBER.fullmatch(cell.strip().translate(_MINUS)) if len(cell) <= _LONGEST_NUMBER else None
    if found is None or (found["before"] and found["after"]):
        return None
    unit = found["before"] or found["after"]
    if unit and unit != expected_unit and not _is_unit(unit):
        return None
    # Written for people, 1.000 € may be a thousand.
    if unit and re.fullmatch(r"[+-]?[0-9]{1,3}\.[0-9]{3}", found["number"]):
        return None
    digits = found["number"].replace(",", "")
    return (int(digits) if re.fullmatch(r"[+-]?\d+", digits) else float(digits)), unit


def _is_unit(word: str) -> bool:
    return word in _CURRENCIES or re.fullmatch(f"[%‰]|(?:US|AU?|CA?|NZ|HK|S|R|NT|MX)?{_SIGN}", word) is not None


def one_unit(unit: str) -> str:
    """Return the one way to write a unit that people write in several, for comparisons: ``EUR`` for ``€``."""
    return _ONE_UNIT.get(unit.upper(), unit.upper())


def units_in(column: str) -> set[str]:
    """Return the units that the name of a column holds, each as ``one_unit`` writes it, such as ``USD`` and ``K``."""
    words = re.findall(f"[^\\W\\d_]+|[%‰]|{_SIGN}", re.sub("(?<=[a-z])(?=[A-Z])", " ", column))
    known = {*_CURRENCIES, *_ONE_UNIT, *_ONE_UNIT.values(), *_SIGN[1:-1], "‰"}
    return {
        one_unit(word)
        for word in words
        if (word.upper() in known and word.lower() not in _WORDS) or word.lower().rstrip("s") in _MAGNITUDES
    }


def typed_cell(cell: str) -> int | float | str | None:
    """Return a cell as a number where it is one without a unit, None where it is empty, else as its text."""
    found = read_number(cell)
    return None if not cell else found[0] if found is not None and not found[1] else cell


def _type_of(cells: list[str]) -> str:
    filled = [cell for cell in cells if cell]
    if filled and all(isinstance(typed_cell(cell), int | float) for cell in filled):
        return "number"
    return "date" if filled and all(_DATE.fullmatch(cell) for cell in filled) else "text"


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text, which can be a whole file, one by one."""
    # Neither splitlines nor StringIO, which copy all of the text before the first line.
    return (found[0] for found in re.finditer(r"[^\n]*\n|[^\n]+", text))
