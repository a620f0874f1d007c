"""Reading what a server sends without trusting it: JSON of any depth, records of which only some fields are known."""

from __future__ import annotations

import gc
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from dot_provider.api.errors import DotPartialError, DotProtocolError, brief

if TYPE_CHECKING:
    from typing_extensions import Self

MAX_DEPTH = 100
"""Lists and objects within each other; Dot's documents and dbt's have up to twenty."""

MAX_MEMORY = 512 * 1024 * 1024
"""Bytes that the objects of one document may take in memory, as far as its brackets and commas tell."""

# Upper bounds of what CPython takes for an object or list, and for a further entry with its value.
_COSTS = {"{": 120, "[": 64, ",": 64, ":": 60}
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class UnreadableJsonError(ValueError):
    """Text that is no JSON or goes beyond our bounds; the message continues a sentence about the text.

    ``cut`` is True where the text may have been whole before it came here.
    """

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


def parse_json(text: str, *, finite: bool = True, max_memory: float = MAX_MEMORY, distinct: bool = False) -> Any:
    """Return the document in ``text``.

    Args:
        text: the JSON.
        finite: False to take NaN and infinities too, as Python writes them.
        max_memory: bytes that the document may take, ``math.inf`` for a file of the user's own.
        distinct: True to refuse an object that names a field twice: only the last would count.

    Raises:
        UnreadableJsonError: it is no JSON, nested too deeply, or too large in memory.
    """
    check_memory(text, max_memory)
    try:
        options = {**(_FINITE if finite else {}), **({"object_pairs_hook": distinct_fields} if distinct else {})}
        document = json.loads(text, **options)
    except RecursionError:
        raise _too_deep() from None
    except UnreadableJsonError:
        raise
    except ValueError as error:
        if not isinstance(error, json.JSONDecodeError):
            raise UnreadableJsonError("contains a whole number of thousands of digits") from None
        raise UnreadableJsonError(f"is cut off or not JSON ({error})", cut=True) from None
    if is_deep(document):
        raise _too_deep()
    return document


def distinct_fields(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, as ``json.loads`` lets one make it, in which no name stands twice.

    Raises:
        UnreadableJsonError: one does.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise UnreadableJsonError(f"is ambiguous: {brief(twice)} stands there twice in one object")
    return made


def check_memory(text: str, most: float = MAX_MEMORY) -> None:
    """Refuse text whose objects would take more than ``most`` bytes of memory.

    Raises:
        UnreadableJsonError: they would.
    """
    # Signs within texts cost nothing, but leaving them out takes time: only where it matters.
    if _cost(text) > most and _cost(_STRINGS.sub("", text)) > most:
        raise UnreadableJsonError(f"would take more than {most / 2**20:.0f} MiB of memory: ask for less")


def is_deep(document: Any) -> bool:
    """Tell whether a parsed document, of dicts, lists and plain values, is nested more than ``MAX_DEPTH`` deep."""
    if not isinstance(document, (dict, list)):
        return False
    # The garbage collector knows what holds what, and tells at a fifth of what parsing took; a loop would double that.
    level = [document]
    for _ in range(MAX_DEPTH):
        level = list(filter(gc.is_tracked, gc.get_referents(*level)))
        if not level:
            return False
    return bool(level)


def _cost(text: str) -> int:
    return sum(cost * text.count(sign) for sign, cost in _COSTS.items())


def _too_deep() -> UnreadableJsonError:
    return UnreadableJsonError(f"is nested too deeply to be read: more than {MAX_DEPTH} lists or objects")


def _refuse_number(text: str) -> Any:
    raise UnreadableJsonError(f"contains {text[:30]}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


_FINITE: dict[str, Any] = {"parse_constant": _refuse_number, "parse_float": _finite}


Record = Mapping[str, Any]
"""One JSON object as Dot sent it."""

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that JSON may hold and databases refuse."""


def text_of(record: Record, *names: str) -> str:
    """Return the first of the named fields that holds something, as text, or an empty string."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return str(value)
    return ""


def record_of(record: Record, name: str) -> Record:
    """Return the object under ``name``, or an empty one where there is none."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def list_of(record: Record, *names: str) -> list[Any]:
    """Return the first list under one of ``names``, or an empty one where there is none."""
    return next((record[name] for name in names if isinstance(record.get(name), list)), [])


def count_of(record: Record, name: str) -> int:
    """Return the whole number under ``name``, also written as 2.0 or as text, or 0 where there is none."""
    value = record.get(name)
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,18}(\.0)?", str(value)):
        return 0
    return int(float(value)) if isinstance(value, float) else int(str(value).removesuffix(".0"))


def number_of(record: Record, name: str) -> float | None:
    """Return the number under ``name``, or None where there is none that a float can hold."""
    value = record.get(name)
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:  # whole numbers of JSON may have hundreds of digits
        return None
    return number if math.isfinite(number) else None


_CUT = re.compile(
    r"(is_?)?(truncated|incomplete|partial)|(has_?)?(more|next)(_?(pages?|results))?|next_?(cursor|token|url|link|offset|page_?token)",
    re.IGNORECASE,
)
_PAGES = re.compile(r"(total|num)?_?pages|page_?count", re.IGNORECASE)


def says_cut(name: str, value: Any) -> bool:
    """Tell whether a field beside a list says that the list is not all there is."""
    # The names first: a value can be a text of megabytes.
    if _CUT.fullmatch(name):
        return bool(value) and str(value).lower() not in ("false", "0", "no")
    return _PAGES.fullmatch(name) is not None and str(value) not in ("", "0", "1", "None")


def records_in(document: Any, *names: str) -> list[Record]:
    """Return the list of records in ``document``: itself, or under one of ``names``, or the only list in the object.

    Dot's list endpoints are undocumented, and wrap their lists or not.

    Raises:
        ValueError: there is no list in it. An empty object stands for an empty list, an empty body for nothing.
        DotProtocolError: the list is not whole, so that what it lacks would be taken for missing in Dot.
    """
    found = document
    if isinstance(document, Mapping):
        lists = [value for value in document.values() if isinstance(value, list)]
        named = [document[name] for name in names if isinstance(document.get(name), list)]
        found = named[0] if named else lists[0] if len(lists) == 1 else None if document else []
    if not isinstance(found, list):
        raise ValueError("no list of records")
    beside: Record = document if isinstance(document, Mapping) else {}
    cut = next((name for name in beside if says_cut(name, beside[name])), "")
    if cut or max(count_of(beside, "total"), count_of(beside, "total_count")) > len(found):
        raise DotProtocolError(f"Dot's list says by {cut or 'total'} that it is not whole, and Dot documents no pages.")
    return [value for value in found if isinstance(value, Mapping)]


R = TypeVar("R")


def each(read: Callable[[Record], R], *names: str) -> Callable[[Any], list[R]]:
    """Return what reads a list of records as ``records_in`` finds it, each by ``read``."""
    return lambda document: [read(record) for record in records_in(document, *names)]


def storable(value: Any) -> Any:
    """Return a JSON value with NUL and lone surrogates in its texts replaced by U+FFFD.

    JSON may hold both, and databases refuse them: the ones behind XCom and event logs too.
    """
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {storable(name): storable(item) for name, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Reply:
    """What Dot replied: ``raw`` is the decoded body, whatever it is, and None where it was empty."""

    raw: Any = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """Dot's own words in the reply, or an empty string where it has none."""
        if isinstance(self.raw, Mapping):
            return text_of(self.raw, "message", "detail", "status")
        return self.raw if isinstance(self.raw, str) else ""


SHOWN = 10
"""How many failures a report's error lists."""


class _Item(Protocol):
    """What a report says of one item: the outcome, and of a failed one why, and whether that can pass."""

    @property
    def label(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def retryable(self) -> bool: ...


E = TypeVar("E", bound=_Item)


@dataclass(frozen=True)
class Report(Generic[E]):
    """What became of many items, each by itself, in order."""

    items: Sequence[E] = ()
    dry_run: bool = False

    title: ClassVar[str]
    counted: ClassVar[str]
    failure: ClassVar[str]
    planned: ClassVar[str] = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many items there are of each kind."""
        return dict(Counter(getattr(item, self.counted) for item in self.items))

    @property
    def failed(self) -> list[E]:
        """The items that failed."""
        return [item for item in self.items if item.outcome == "failed"]

    @property
    def text(self) -> str:
        """One line for logs."""
        would = self.planned if self.dry_run else ""
        counts = ", ".join(f"{count} {would}{kind}" for kind, count in sorted(self.counts.items())) or "nothing to do"
        return f"{self.title}{' (dry run)' if self.dry_run else ''}: {counts}"

    def require_complete(self) -> Self:
        """Return the report where nothing failed.

        Raises:
            DotPartialError: some items failed; the message lists the first ones, ``report`` holds all entries. It is
                retryable where one of the failures can pass: what is done is not done a second time.
        """
        if not (failed := self.failed):
            return self
        shown = "; ".join(f"{item.label}: {item.reason}" for item in failed[:SHOWN])
        more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        raise DotPartialError(
            f"{len(failed)} of {len(self.items)} {self.failure}. {shown}{more}",
            report=self.items,
            retryable=any(item.retryable for item in failed),
        )
