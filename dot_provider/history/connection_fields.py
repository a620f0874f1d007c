"""The fields of an orchestrator's connection, none of which is lost without a word.

Whoever translates a connection takes the fields it understands. What is filled in and was not taken is refused by name:
a certificate, an identity or a flag that is dropped silently would load as somebody else, or without its protection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dot_provider.api.errors import DotConfigError

EMPTY: tuple[Any, ...] = (None, "", {}, [])
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class ConnectionFields:
    """The fields of one connection; each is marked as used when it is read.

    Args:
        kind: The connection's type, or dlt's name of the warehouse where somebody chose it.
        name: The connection's id, for messages; empty where it has none.
        extra: Its extra, with or without Airflow's ``extra__<type>__`` prefix.
        **fields: ``host``, ``login``, ``password``, ``port``, ``schema``.
    """

    def __init__(self, kind: str, name: str = "", extra: Mapping[str, Any] | None = None, **fields: Any) -> None:
        self.kind = kind = kind.strip().lower()
        self.label = f"The {kind} connection {name!r}" if name else f"The {kind} connection"
        self._fields = fields
        prefixed = {key: value for key, value in (extra or {}).items() if key.startswith("extra__")}
        plain = {key: value for key, value in (extra or {}).items() if key not in prefixed}
        self._extra = {**{key.split("__", 2)[-1]: value for key, value in prefixed.items()}, **plain}
        self._used: set[tuple[str, str]] = set()

    def replace(self, *done: str, **fields: Any) -> None:
        """Fill in some of the five fields that every connection has, and forget those of the extra that are done."""
        self._fields.update(fields)
        self._extra = {name: value for name, value in self._extra.items() if name not in done}

    def field(self, name: str) -> Any:
        """Return one of the five fields that every connection has; an empty text where it is not filled in."""
        self._used.add(("field", name))
        value = self._fields.get(name)
        return "" if value is None else value

    def take(self, *names: str) -> Any:
        """Return the first filled of these fields of the extra, or None; all of them count as used."""
        self._used.update(("extra", name) for name in names)
        return next((self._extra[name] for name in names if self._extra.get(name) not in EMPTY), None)

    def taken(self, *names: str) -> dict[str, Any]:
        """Return those of these fields of the extra that are filled in, by name."""
        return {name: value for name in names if (value := self.take(name)) is not None}

    @property
    def left(self) -> list[str]:
        """The filled fields of the extra that nobody took so far."""
        return [n for n, value in self._extra.items() if value not in EMPTY and ("extra", n) not in self._used]

    def flag(self, name: str) -> bool | None:
        """Return a field of the extra as True or False, or None where it is not filled in.

        Raises:
            DotConfigError: It is neither.
        """
        value = self.take(name)
        if value is None:
            return None
        known = _WORDS.get(str(value).strip().lower())
        if known is None:
            raise DotConfigError(f"{self.label}: {name} in its extra must be true or false.")
        return known

    def number(self, name: str) -> int | None:
        """Return a field of the extra as a whole number, or None where it is not filled in.

        Raises:
            DotConfigError: It is none.
        """
        value = self.take(name)
        try:
            return None if value is None else int(str(value))
        except ValueError:
            raise DotConfigError(f"{self.label}: {name} in its extra must be a whole number.") from None

    def text(self, name: str, value: Any) -> str:
        """Return a value of the extra as drivers write it in a connection string.

        Raises:
            DotConfigError: It is a list or an object, which cannot be written there.
        """
        if isinstance(value, (Mapping, list)):
            raise DotConfigError(f"{self.label}: {name} in its extra must be a plain value, no list and no object.")
        return str(int(value)) if isinstance(value, bool) else str(value)

    def need(self, values: Mapping[str, Any]) -> None:
        """Refuse empty values, in the connection's own words.

        Raises:
            DotConfigError: One is empty.
        """
        for name, value in values.items():
            if value in EMPTY:
                raise DotConfigError(f"{self.label} needs a value for {name}.")

    def refuse_rest(self, provider: str = "") -> None:
        """Refuse what is filled in and was not used.

        Args:
            provider: The Airflow provider that would know more, if it were installed.

        Raises:
            DotConfigError: Names the fields, and what to do about them.
        """
        unused = [
            *(n for n, value in self._fields.items() if value not in EMPTY and ("field", n) not in self._used),
            *(f"{name} in its extra" for name in self.left),
        ]
        if unused:
            hook = f"install {provider}, whose hook may know it, " if provider else ""
            raise DotConfigError(
                f"{self.label} has {', '.join(unused)}, which the load would not use: remove it, {hook}"
                "or give credentials instead of the connection."
            )
