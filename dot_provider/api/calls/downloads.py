"""Files of an answer: a table as CSV, a chart as PNG."""

from __future__ import annotations

from dot_provider.api.call import Call
from dot_provider.api.models.download import Download


def fetch_file(url: str, *, with_token: bool) -> Call[Download]:
    """Fetch one URL, without following redirects. ``with_token`` only where the URL is on Dot's own origin.

    The links are in an answer's ``csv_download_url``, ``chart_download_url`` and ``download_url``; some hold a secret
    in their path, so the call's name does not show them.
    """
    return Call("download a file of an answer", "GET", url, lambda download: download, accepts="file", auth=with_token)
