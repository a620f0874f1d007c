"""Who the token belongs to, and logging in."""

from __future__ import annotations

from dot_provider.api.call import Call
from dot_provider.api.calls.arguments import checked_text
from dot_provider.api.models.reply import Reply
from dot_provider.api.models.user import User, UserToken
from dot_provider.api.paths import api_path


def whoami() -> Call[User]:
    """Return the user that the token belongs to, with e-mail and role. ``GET /auth/me``."""
    return Call("whoami", "GET", api_path("auth", "me"), User.from_record)


def healthcheck() -> Call[Reply]:
    """Return what Dot says of its health; needs no token. ``GET /healthcheck``."""
    return Call("healthcheck", "GET", api_path("healthcheck"), Reply, auth=False)


def password_login(username: str, password: str) -> Call[UserToken]:
    """Return a bearer token for a user name and password. ``POST /auth/token``, for servers without API tokens."""
    return Call(
        "password login",
        "POST",
        api_path("auth", "token"),
        UserToken.from_document,
        form={"grant_type": "password", "username": username, "password": password},
        auth=False,
    )


def embedded_user_login(user_id: str) -> Call[UserToken]:
    """Return a token for another user, valid for 24 hours; treat it as a secret.

    ``POST /auth/embedded_user_login``. An admin must have switched on "Allow admins to authenticate for users" in Dot.
    """
    return Call(
        "embedded user login",
        "POST",
        api_path("auth", "embedded_user_login"),
        UserToken.from_document,
        body={"user_id": checked_text("user_id", user_id)},
    )
