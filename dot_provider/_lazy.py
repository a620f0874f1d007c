"""Packages whose names are loaded when they are first used, so that importing a package costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str], explain: Callable[[ModuleNotFoundError], str | None] = lambda error: None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its ``__name__``.
        homes: each public name and the module of the package that it stands in; ``.other.module`` beside the package.
        explain: what to say instead where a library that is optional is missing; None to say nothing else.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f".{homes[name]}", package), name)
        except ModuleNotFoundError as error:
            if (advice := explain(error)) is None:
                raise
            raise ModuleNotFoundError(advice, name=error.name) from error

    return load, lambda: sorted(homes)
