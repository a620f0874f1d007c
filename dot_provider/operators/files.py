"""Paths that users write, local or in any object storage that Airflow knows."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from dot_provider.api.errors import DotUsageError

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

AnyPath: TypeAlias = "str | PathLike[str] | ObjectStoragePath"


def opened(path: AnyPath | None, field: str) -> Path | ObjectStoragePath:
    """Return ``path`` as an object that reads and writes: ``ObjectStoragePath`` for a URL, else a local path.

    Raises:
        DotUsageError: it is empty, or no path.
    """
    if not isinstance(path, str | PathLike):
        if path is None or not hasattr(path, "read_text"):
            raise DotUsageError(f"{field} must be a path, not {type(path).__name__}.")
        return path
    text = fspath(path).strip()
    if not text:
        raise DotUsageError(f"{field} is empty: give a local path or a URL such as s3://bucket/key.")
    if "://" in text:
        from airflow.sdk import ObjectStoragePath

        return ObjectStoragePath(text)
    return Path(text)
