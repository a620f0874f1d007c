"""What the machine's environment says about the way out: proxies and trusted certificates, for both transports alike.

The rules are those of the ``requests`` library, which operators of Airflow and Dagster know: ``HTTPS_PROXY``,
``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE``. ``~/.netrc`` is not read:
its passwords are for other programs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

from dot_provider.api.errors import DotConfigError


@dataclass(frozen=True)
class Proxy:
    """The proxy through which a server is reached. Its ``url`` may hold a password, so that it is not shown."""

    url: str = field(repr=False)


class Surroundings:
    """The environment's proxies, looked up once per origin because that takes as long as a small request."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy | None] = {}

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy through which ``url`` is reached, or None.

        Raises:
            DotConfigError: the environment names a proxy in a way that cannot be used. The message shows no password.
        """
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._proxies:
            self._proxies[origin] = _proxy_for(origin)
        return self._proxies[origin]


def ca_bundle() -> str:
    """Return the file or directory of the certificates to trust.

    Raises:
        DotConfigError: the environment names one that does not exist.
    """
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(variable)
        if path and not os.path.exists(path):  # noqa: PTH110 - a path that is handed on as text
            raise DotConfigError(f"{variable} names {path!r}, which does not exist: correct or unset it.")
        if path and not os.access(path, os.R_OK):
            raise DotConfigError(f"{variable} names {path!r}, which this process may not read: correct or unset it.")
        if path:
            return path
    return DEFAULT_CA_BUNDLE_PATH


def shown(url: str) -> str:
    """Return scheme, host and port of ``url``, without a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0].rpartition('@')[2]}"


def _proxy_for(origin: str) -> Proxy | None:
    found = select_proxy(origin, get_environ_proxies(origin, no_proxy=None))
    if not found:
        return None
    proxy = found if "://" in found else f"http://{found}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise DotConfigError(
            f"The proxy for {origin} in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: it must look like "
            "'http://proxy.example.com:3128'. Correct it, or name the host in NO_PROXY."
        )
    return Proxy(proxy)
