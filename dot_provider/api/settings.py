"""Where Dot is and how we identify ourselves: origin, credentials, limits. Checked before anything is sent."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar
from urllib.parse import quote, urlsplit

from dot_provider import __version__
from dot_provider.api.arguments import Seconds
from dot_provider.api.errors import DotConfigError

REGIONS = {"us": "https://app.getdot.ai", "eu": "https://eu.getdot.ai"}
"""Dot's hosted regions and their origins."""

LONGEST_TIMEOUT = 86400.0
"""The longest time that one request may be given, in seconds."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""The largest response that is held in memory, in bytes after decompression."""

SHORTEST_SECRET = 16
"""Characters from which on a text that an error would show may be a token."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LIKE_THIS = "use one like 'https://app.getdot.ai'"
_log = logging.getLogger("dot_provider")


@dataclass(frozen=True)
class SettingNames:
    """What the places are called that a user writes the settings into; errors call them so."""

    token: str = "token"  # noqa: S105 - a name
    base_url: str = "base_url"
    region: str = "region"
    environment: str = "environment"
    timeout: str = "timeout"
    token_header: str = "token_header"  # noqa: S105 - a name
    username: str = "username"
    password: str = "password"  # noqa: S105 - a name
    url_auth_user: str = "url_auth_user"
    allow_http: str = "allow_http"


ARGUMENTS = SettingNames()
"""The names of the client's own arguments."""


@dataclass(frozen=True)
class ApiToken:
    """A token from Dot's settings, sent as a header.

    ``header`` is ``X-API-KEY`` for today's Dot and ``API-KEY`` for a self-hosted server that knows only that.
    """

    refusal: ClassVar[str] = (
        "the API token is wrong, expired, for MCP only, or was replaced by a newer one of the same user; create a new "
        "one in Dot, with full API access"
    )

    token: str = field(repr=False)
    header: str = "X-API-KEY"

    def headers(self) -> Mapping[str, str]:
        """Return the header that carries the token."""
        return {self.header: self.token}


@dataclass(frozen=True)
class UrlToken:
    """A token sent as ``?user_id=&api_token=`` on the three endpoints that know it, for servers without header auth.

    Access logs of every proxy on the way keep it: an opt-in for old self-hosted servers only.
    """

    refusal: ClassVar[str] = (
        "the API token is wrong, expired or replaced by a newer one, or not of the user in url_auth_user; check both"
    )

    user_id: str
    token: str = field(repr=False)

    def query(self) -> Mapping[str, str]:
        """Return the query parameters that carry the token."""
        return {"user_id": self.user_id, "api_token": self.token}

    def headers(self) -> Mapping[str, str]:
        """Return the header for endpoints that do not know URL authentication."""
        return {"API-KEY": self.token}


@dataclass(frozen=True)
class PasswordLogin:
    """User name and password, exchanged at ``POST /auth/token``, for servers older than API tokens."""

    refusal: ClassVar[str] = "Dot does not accept this user name and password; check both"

    username: str
    password: str = field(repr=False)


Credentials = ApiToken | UrlToken | PasswordLogin


@dataclass(frozen=True)
class Server:
    """One Dot server as one caller sees it.

    Attributes:
        origin: scheme and host, without a trailing slash.
        credentials: how we identify ourselves.
        environment: Dot environment that every call is scoped to, or None for production.
        timeout: seconds one request may take, from connecting to the last byte.
        retry_for: seconds after which a failing repeatable call is not tried again.
        max_body_bytes: largest response held in memory.
    """

    origin: str
    credentials: Credentials
    environment: str | None = None
    timeout: float = 60.0
    retry_for: float = 60.0
    max_body_bytes: int = MAX_BODY_BYTES
    user_agent: str = f"dot-provider/{__version__}"

    def chat_url(self, chat_id: str) -> str:
        """Return the page on which a person reads this chat."""
        return f"{self.origin}/?c={quote(chat_id, safe='')}"


def server(
    *,
    token: str | None = None,
    base_url: str | None = None,
    region: str | None = None,
    environment: str | None = None,
    timeout: Seconds = 60,
    token_header: str = "X-API-KEY",  # noqa: S107 - the name of a header
    username: str | None = None,
    password: str | None = None,
    url_auth_user: str | None = None,
    allow_http: bool = False,
    names: SettingNames = ARGUMENTS,
) -> Server:
    """Check all settings at once and return the server they describe.

    Args:
        names: what the user knows the settings as, where they are no arguments.

    The other arguments are those of ``DotClient``.

    Raises:
        DotConfigError: a setting is missing or wrong; the message names it and never shows a secret.
    """
    texts = {"base_url": base_url, "region": region, "environment": environment, "url_auth_user": url_auth_user}
    for name, text in {**texts, "timeout": timeout}.items():
        refuse_secret(getattr(names, name), text, token or password)
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_TIMEOUT:
        raise DotConfigError(
            f"{names.timeout} must be a number of seconds above 0, at most a day, not {shown(timeout)}."
        )
    if environment:
        environment_header(environment, names.environment)
    return Server(
        origin=checked_origin(base_url, region, names, allow_http=allow_http),
        credentials=_credentials(token, token_header, username, password, url_auth_user, names),
        environment=environment or None,
        timeout=float(seconds),
    )


def checked_origin(
    base_url: str | None = None,
    region: str | None = None,
    names: SettingNames = ARGUMENTS,
    *,
    allow_http: bool = False,
) -> str:
    """Return the origin for a ``base_url`` or a ``region``; both missing means Dot's US region.

    ``https://`` is required except on loopback, or where ``allow_http`` says that the way there is a private one. A
    trailing ``/`` or ``/api`` is dropped, because people paste it.

    Raises:
        DotConfigError: both are given and disagree, the region is unknown, or the URL could lead elsewhere.
    """
    if not isinstance(allow_http, bool):
        raise DotConfigError(f"{names.allow_http} must be true or false, not {shown(allow_http)}.")
    named = REGIONS.get(region.strip().lower()) if isinstance(region, str) else None
    if region and named is None:
        known = " or ".join(repr(name) for name in REGIONS)
        raise DotConfigError(
            f"{names.region} {shown(region)} is unknown: use {known}, or {names.base_url} for a self-hosted Dot."
        )
    if base_url is None:
        return named or REGIONS["us"]
    if not isinstance(base_url, str):
        raise DotConfigError(f"{names.base_url} must be text, not {type(base_url).__name__}.")
    if not base_url.strip():
        # As an unset variable leaves it; taking Dot's cloud would send the token of a self-hosted Dot there.
        raise DotConfigError(f"{names.base_url} is empty: {_LIKE_THIS}, or leave it out for Dot's cloud.")
    origin = _origin_of(base_url.strip(), names, allow_http)
    if named is not None and origin != named:
        raise DotConfigError(
            f"{names.region} {region!r} and {names.base_url} {origin!r} disagree: give only one of them."
        )
    return origin


def shown(value: object) -> str:
    """Return ``value`` as an error shows it; a long text may be a secret in the wrong place, and is not shown."""
    long = isinstance(value, str) and len(value) >= SHORTEST_SECRET
    return f"(a text of {len(str(value))} characters)" if long else repr(value)


def refuse_secret(where: str, value: object, secret: object) -> None:
    """Refuse a setting that holds the token or password, which would be sent and logged in its place.

    Raises:
        DotConfigError: it does; the message does not show it.
    """
    text = re.sub(r"^https?://|/+$", "", value.strip().lower()) if isinstance(value, str) else ""
    if text and isinstance(secret, str) and text == secret.strip().lower():
        raise DotConfigError(f"{where} holds the token or password: write there what it is for, or leave it out.")


def origin_of(scheme: str, host: str, port: int | None = None) -> str:
    """Return an origin as ``Server.origin`` writes it, without the scheme's default port."""
    written = f"{scheme}://{f'[{host}]' if ':' in host else host}"
    return written if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{written}:{port}"


def checked_token(token: object, where: str = "token") -> str:
    """Return ``token`` without surrounding white space.

    Raises:
        DotConfigError: it is missing, or has characters that no header can carry. The message never shows it.
    """
    if token is not None and not isinstance(token, str):
        raise DotConfigError(f"{where} must be text, not {type(token).__name__}.")
    cleaned = (token or "").strip()
    if not cleaned:
        raise DotConfigError(
            f"No Dot API token: create one in Dot under Settings / Users, for a service user, and put it into {where}."
        )
    if any(not 33 <= ord(c) <= 126 for c in cleaned):
        raise DotConfigError(
            f"{where} contains a space, a line break or a character outside ASCII: copy the token again, in one piece."
        )
    return cleaned


def environment_header(environment: object, where: str = "environment") -> Mapping[str, str]:
    """Return the header that scopes a request to one of Dot's environments.

    Raises:
        DotConfigError: this is no environment's id.
    """
    if not isinstance(environment, str) or not re.fullmatch(r"[!-~]+", environment):
        raise DotConfigError(f"{where} {shown(environment)} must be an environment's id, as Dot shows it.")
    return {"X-Dot-Environment": environment}


def _origin_of(base_url: str, names: SettingNames, allow_http: bool) -> str:
    """Return scheme, host and port. What is no URL is not shown: it may be a token in the wrong place."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise DotConfigError(f"{names.base_url} is not a URL: {_LIKE_THIS}.") from None
    if "@" in parts.netloc:
        raise DotConfigError(
            f"{names.base_url} must not hold a user name or password: put the token into {names.token}."
        )
    if "?" in base_url or "#" in base_url:
        raise DotConfigError(f"{names.base_url} must not have a query or fragment: {_LIKE_THIS}.")
    if not host.isascii():
        # Letters of other alphabets can look like those of Dot's own address.
        raise DotConfigError(
            f"{names.base_url} has letters outside ASCII in its host: write the host in its form that begins with xn--."
        )
    if "://" not in base_url or not _is_host(host) or port == 0 or not re.fullmatch(r"[!-~]+", base_url):
        raise DotConfigError(f"{names.base_url} has no scheme and host that can be used: {_LIKE_THIS}.")
    origin = origin_of(parts.scheme, host, port)
    if parts.scheme == "http" and not _is_loopback(host):
        _check_http(origin, names, allow_http)
    if parts.scheme not in _DEFAULT_PORTS:
        raise DotConfigError(f"{names.base_url} {origin!r} must start with https://.")
    if "\\" in base_url or parts.path.rstrip("/") not in ("", "/api"):
        raise DotConfigError(f"{names.base_url} must not have a path: give {origin!r} alone.")
    return origin


def _check_http(origin: str, names: SettingNames, allow_http: bool) -> None:
    if origin.removeprefix("http") in {url.removeprefix("https") for url in REGIONS.values()}:
        raise DotConfigError(f"{names.base_url} {origin!r} would send the token unencrypted: Dot's cloud speaks https.")
    if not allow_http:
        raise DotConfigError(
            f"{names.base_url} {origin!r} would send the token unencrypted: use https://, or set {names.allow_http} "
            "where nobody can listen on the way, such as between the containers of one machine or cluster."
        )
    _warn_of_http(names.allow_http, origin)


@lru_cache(maxsize=100)
def _warn_of_http(field: str, origin: str) -> None:
    """Warn once per process: a sensor makes a client of the same settings every minute."""
    _log.warning(
        "%s is on: the Dot API token travels to %s unencrypted, for everybody on the way to read.", field, origin
    )


def _is_host(host: str) -> bool:
    name = re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", host)
    # One long word with figures in it is a token, which a look at the name server would give away.
    if name is not None and not ("." not in host and len(host) >= 2 * SHORTEST_SECRET and re.search(r"\d", host)):
        return True
    # IPv6 is the only host with colons.
    return ":" in host and "%" not in host and _address(host) is not None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _credentials(
    token: str | None,
    header: str,
    username: str | None,
    password: str | None,
    url_auth_user: str | None,
    names: SettingNames,
) -> Credentials:
    if not token and (username or password):
        if not (username and password):
            raise DotConfigError(
                f"Password login needs both {names.username} and {names.password}; better, use an API token."
            )
        if url_auth_user:
            raise DotConfigError(
                f"{names.url_auth_user} sends a token in the URL: give a token, or leave {names.url_auth_user} out."
            )
        return PasswordLogin(username, password)
    checked = checked_token(token, names.token)
    if url_auth_user:
        _log.warning(
            "URL authentication is on: the Dot API token of %s travels in the URL of sync, import and export, and "
            "access logs keep it. Leave %s out unless this Dot knows no other way.",
            url_auth_user,
            names.url_auth_user,
        )
        return UrlToken(url_auth_user, checked)
    if str(header).upper() not in ("X-API-KEY", "API-KEY"):
        # Not shown: it may be the token, in the wrong place.
        raise DotConfigError(f"{names.token_header} must be 'X-API-KEY' or 'API-KEY'.")
    return ApiToken(checked, header.upper())
