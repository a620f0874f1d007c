"""Assets of Airflow that are Dot's: ``dot://app.getdot.ai/chat/...``, named in one way and known to OpenLineage.

Registered in ``provider_info``; Airflow calls these where a DAG file says ``Asset("dot://...")``: imports little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from airflow.sdk import Asset

KINDS = ("chat", "connection", "evaluation", "external_asset", "history", "note", "table")
"""What the first part of the path can be."""


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return ``dot://host/kind/name`` in its one spelling: the host in small letters, no slashes too many.

    Raises:
        ValueError: it has no host, no known kind, or a query, so that two assets could be taken for one.
    """
    kind, *names = [part for part in uri.path.split("/") if part] or [""]
    if not uri.hostname or uri.query or uri.fragment or kind not in KINDS or (not names and kind != "history"):
        raise ValueError(f"write dot://HOST/KIND/NAME, with one of {', '.join(KINDS)} as KIND, and without a query")
    return SplitResult(uri.scheme, uri.netloc.rpartition("@")[2].lower(), "/".join(["", kind, *names]), "", "")


def create_asset(*, host: str = "app.getdot.ai", kind: str, name: str = "", extra: Any = None) -> Asset:
    """Return the asset of a thing in Dot, named by its address."""
    from airflow.sdk import Asset

    uri = sanitize_uri(urlsplit(f"dot://{host}/{kind}/{name}")).geturl()
    return Asset(uri=uri, name=uri, extra=extra)


def openlineage_dataset(asset: Any, lineage_context: Any) -> Any:
    """Return the dataset that OpenLineage knows an asset of Dot's by."""
    from openlineage.client.event_v2 import Dataset

    place = sanitize_uri(urlsplit(asset.uri))
    return Dataset(f"dot://{place.netloc}", place.path.lstrip("/"))
