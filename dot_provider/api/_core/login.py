"""Logging in by password, on servers older than API tokens, and the bearer that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api.arguments import api_path
from dot_provider.api.records import text_of


@dataclass(frozen=True)
class UserToken:
    """A token that acts as one user for 24 hours. It is a secret, so neither it nor ``raw`` is shown."""

    token: str = field(repr=False)
    raw: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def from_document(cls, document: Any) -> UserToken:
        """Read a token from an object or a bare string.

        Raises:
            KeyError: there is none that an HTTP header can carry.
        """
        found = text_of(document, "access_token", "token", "api_token") if isinstance(document, dict) else document
        if not isinstance(found, str) or not found or not all(33 <= ord(c) <= 126 for c in found):
            raise KeyError("access_token")
        return cls(found, document)


@dataclass
class Login:
    """The bearer token of a password login, once there is one, and how often it was issued."""

    bearer: str | None = field(default=None, repr=False)
    issued: int = 0


def password_login(username: str, password: str) -> Call[UserToken]:
    """Return a bearer token for a user name and password. ``POST /auth/token``, for servers without API tokens."""
    return Call(
        "password login",
        "POST",
        api_path("auth", "token"),
        UserToken.from_document,
        form={"grant_type": "password", "username": username, "password": password},
        auth="none",
    )
