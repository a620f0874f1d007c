"""Dot's reply to a request whose response its documentation does not describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dot_provider.api.models.records import text_of


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
