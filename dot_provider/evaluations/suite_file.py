"""Suites as they are written: YAML with every scalar but null a text, JSON with every number a text, or a mapping.

YAML's usual reading turns ``0123`` into 83, ``12:30:45`` into 45045 and ``id: on`` into True, and drops digits of long
numbers. An expected answer must arrive as it was written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any

from dot_provider.api.arguments import checked_text
from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import MAX_DEPTH, UnreadableJsonError, distinct_fields

MAX_CHARACTERS = 5_000_000
"""The longest file that is taken for a suite."""

Document = tuple[Mapping[str, Any], str, Mapping[int, int], Callable[[str], str] | None]
"""The suite, what errors call it, the line of each mapping by its ``id()``, and what reads a file beside it."""


def read_document(source: Any) -> Document:
    """Read a suite from a path or a mapping.

    Raises:
        DotUsageError: it cannot be read, or is no mapping.
    """
    if isinstance(source, Mapping):
        return _texts(source), "The suite", {}, None
    path = Path(checked_text("suite_file", source)) if isinstance(source, str) else source
    if not isinstance(path, PathLike) and not hasattr(path, "read_text"):
        raise DotUsageError(f"A suite is a path or a mapping, not {type(source).__name__}.")
    path = path if hasattr(path, "read_text") else Path(path)
    lines: dict[int, int] = {}
    text = _text(path)
    document = _from_json(text, str(path)) if str(path).endswith(".json") else _from_yaml(text, str(path), lines)
    if not isinstance(document, Mapping):
        raise DotUsageError(f"{path} is no suite: it must be a mapping with name, evaluation_id and questions.")
    return document, str(path), lines, lambda name: _text(path.parent / name)


def _text(path: Any) -> str:
    try:
        text: str = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8, or its path is none"
        raise DotUsageError(f"{path} cannot be read: {why}.") from None
    if len(text) > MAX_CHARACTERS:
        raise DotUsageError(f"{path} is too long for a suite: more than {MAX_CHARACTERS} characters.")
    return text


def _from_json(text: str, origin: str) -> Any:
    try:
        return _texts(json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=distinct_fields))
    except RecursionError:
        raise DotUsageError(f"{origin} is nested too deeply for a suite.") from None
    except DotUsageError as error:
        raise DotUsageError(f"{origin}: {error}") from None
    except UnreadableJsonError as error:
        raise DotUsageError(f"{origin} {error}.") from None
    except ValueError as error:
        raise DotUsageError(f"{origin} is no JSON: {error}.") from None


def _from_yaml(text: str, origin: str, lines: dict[int, int]) -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise DotUsageError(f"{origin} is YAML, which needs PyYAML: pip install 'dot-provider[evaluations]'.") from None
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return _built(yaml.parse(text, Loader=loader), origin, lines)
    except yaml.YAMLError as error:
        mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it cannot be parsed"
        where = f", line {mark.line + 1}" if mark else ""
        hint = " Quote a text that holds ': ' or begins with a sign; '{question: ...?}' on one line is none."
        raise DotUsageError(f"{origin}{where} is no YAML: {said}.{hint}") from None


def _built(events: Any, origin: str, lines: dict[int, int]) -> Any:
    """Return the document of YAML's events, every scalar as text. A loop, so that no depth can exhaust the stack."""
    root: list[Any] = []
    stack: list[tuple[Any, list[str]]] = [(root, [])]  # a container, and of a mapping the key that waits for its value
    for event in events:
        kind, line = type(event).__name__, event.start_mark.line + 1
        if kind == "AliasEvent":
            raise DotUsageError(f"{origin}, line {line}: aliases (*{event.anchor}) are not read here; use defaults.")
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            stack.pop()
            continue
        if kind not in ("ScalarEvent", "MappingStartEvent", "SequenceStartEvent"):
            continue
        value: Any = _scalar(event) if kind == "ScalarEvent" else {} if kind == "MappingStartEvent" else []
        holder, key = stack[-1]
        if isinstance(holder, list):
            holder.append(value)
        elif key:
            holder[key.pop()] = value
        elif not isinstance(value, str):
            raise DotUsageError(f"{origin}, line {line}: a field's name must be text.")
        elif value in holder:
            raise DotUsageError(f"{origin}, line {line}: {value!r} stands there twice.")
        else:
            key.append(value)
        if isinstance(value, dict | list):
            lines[id(value)] = line
            stack.append((value, []))
            if len(stack) > MAX_DEPTH:
                raise DotUsageError(f"{origin}, line {line} is nested too deeply for a suite.")
    if len(root) != 1:
        raise DotUsageError(f"{origin} must hold one document, not {len(root)}.")
    return root[0]


def _scalar(event: Any) -> str | None:
    """Return a scalar as its text; ``null`` that is not quoted is none."""
    return None if event.implicit[0] and event.value in ("null", "Null", "NULL", "~") else event.value


def _texts(value: Any, depth: int = 0) -> Any:
    """Return a value with its numbers and days as texts; anything else is kept, for ``problems`` to tell."""
    if depth > MAX_DEPTH:
        raise DotUsageError("The suite is nested too deeply.")
    if isinstance(value, Mapping):
        return {str(name): _texts(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(one, depth + 1) for one in value]
    if type(value) is date:
        return value.isoformat()
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f")
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
