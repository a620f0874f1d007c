"""The words of a question and of a name, in a form that can be compared."""

from __future__ import annotations

import re

_LAYER_PREFIXES = frozenset({"stg", "fct", "fact", "dim", "int", "mart", "raw", "src"})


def stem(word: str) -> str:
    """Drop the plural of an English word, well enough to compare it with its singular."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "ches", "shes", "xes", "uses")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        return word[:-1]
    return word


def words_of(text: str) -> list[str]:
    """Return the stems of the words in a text or a snake_case name, in order."""
    return [stem(word) for word in re.findall(r"[a-z]+|\d+", text.lower())]


def name_words(name: str) -> list[str]:
    """Return the stems in a table's name without layer prefixes such as ``stg_``."""
    words = words_of(name)
    return [word for word in words if word not in _LAYER_PREFIXES] or words


def plain_name(name: str) -> str:
    """Return a table's name as people say it: ``fct_order_items`` becomes ``order items``."""
    parts = re.findall(r"[a-z]+|\d+", name.lower())
    kept = [part for part in parts if part not in _LAYER_PREFIXES] or parts
    return " ".join(kept)
