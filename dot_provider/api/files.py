"""Downloading a file of an answer: redirects are followed by hand, and the key stays on Dot's own origin."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from dot_provider.api._core.call import Call, Flow, send, this_server
from dot_provider.api._core.messages import Download
from dot_provider.api.errors import DotProtocolError, DotUsageError
from dot_provider.api.settings import origin_of


def fetch_file(url: str, *, with_token: bool) -> Call[Download]:
    """Fetch one URL, without following redirects. ``with_token`` only where the URL is on Dot's own origin.

    The links are in an answer's ``csv_download_url``, ``chart_download_url`` and ``download_url``; some hold a secret
    in their path, so the call's name does not show them.
    """
    auth: Literal["header", "none"] = "header" if with_token else "none"
    return Call("download a file of an answer", "GET", url, lambda download: download, accepts="file", auth=auth)


MAX_REDIRECTS = 5
"""Redirects that are followed before the download ends as an error."""

_IN_URLS = "%:/?#[]@!$&'()*+,;=~"


def download(url: str) -> Flow[Download]:
    """Return the file behind a link of an answer: ``csv_download_url``, ``chart_download_url`` or ``download_url``.

    The key is sent to Dot's own origin only; once a redirect left it, it is not sent again.

    Raises:
        DotUsageError: the link is no web address.
        DotProtocolError: too many redirects, one to something else than https, or a link into this machine's private
            network, where Dot itself is not.
        DotError: any other failure of a call.
    """
    if not isinstance(url, str) or not url.strip():
        raise DotUsageError("The answer has no link for this file.")
    server = yield from this_server()
    here, trusted = _absolute(server.origin + "/", url), True
    for _ in range(MAX_REDIRECTS + 1):
        parts = urlsplit(here)
        trusted = trusted and origin_of(parts.scheme, parts.hostname or "", parts.port) == server.origin
        if not trusted and parts.scheme != "https" and not server.origin.startswith("http://"):
            raise DotProtocolError("A file of the answer lies behind an unencrypted link, which is not followed.")
        file = yield from send(fetch_file(here, with_token=trusted))
        if file.location is None:
            return file
        here = _absolute(here, file.location)
    raise DotProtocolError(f"A file of the answer redirects more than {MAX_REDIRECTS} times.")


def _absolute(here: str, link: str) -> str:
    """Return ``link`` as seen from ``here``, with what no URL may hold quoted. The error does not show it."""
    try:
        url = quote(urljoin(here, link.strip()), safe=_IN_URLS)
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise DotUsageError("The link of this file is no web address.")
    return url
