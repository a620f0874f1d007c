"""Paths that users write, local or in any object storage that Airflow knows."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

AnyPath: TypeAlias = "str | PathLike[str] | ObjectStoragePath"

_PROVIDERS = {
    **dict.fromkeys(("s3", "s3a"), "apache-airflow-providers-amazon[s3fs]"),
    **dict.fromkeys(("gs", "gcs"), "apache-airflow-providers-google and gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "adl", "az", "wasb"), "apache-airflow-providers-microsoft-azure and adlfs"),
    "sftp": "apache-airflow-providers-sftp[sshfs]",
    "hdfs": "apache-airflow-providers-apache-hdfs",
}
"""What brings a storage to Airflow."""


def as_text(value: Any) -> Any:
    """Return a ``Path`` as text, anything else as it is: no Airflow before 3.2 can render a ``Path``."""
    return fspath(value) if isinstance(value, PurePath) else value


def opened(path: AnyPath | None, field: str) -> Path | ObjectStoragePath:
    """Return ``path`` as an object that reads and writes: ``ObjectStoragePath`` for a URL, else a local path.

    Raises:
        DotUsageError: it is empty or no path, or what its storage needs is not installed.
    """
    from dot_provider.api.answer_files import open_path

    return cast("Path | ObjectStoragePath", open_path(path, field, _in_object_storage))


def _in_object_storage(url: str) -> ObjectStoragePath:
    from airflow.sdk import ObjectStoragePath

    scheme = url.partition("://")[0].lower()
    try:
        path = ObjectStoragePath(url)
        _ = path.fs  # looks for the provider and its package
    except (ImportError, ValueError) as error:
        package = _PROVIDERS.get(scheme, f"the Airflow provider that brings {scheme}://")
        raise ImportError(f"{error}; install {package} on the workers") from error
    return path
