"""dbt's ``ref`` and ``source`` as the relations of the build that was just done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import Record, list_of, record_of, text_of

_REFERABLE = ("model", "seed", "snapshot")
_BUILT = ("success", "pass", "warn")


@dataclass(frozen=True)
class Relations:
    """Where models and sources are, by dbt's artifacts.

    With ``--defer`` a manifest names the relations of this build also for models that were not built. So with a
    ``defer_manifest``, what the ``run_results`` do not show as built is looked up there.

    Attributes:
        manifest: dbt's ``manifest.json``, parsed.
        run_results: ``run_results.json`` of the same build, parsed; needed for ``defer_manifest``.
        defer_manifest: the manifest of the state that the build deferred to.
    """

    manifest: Record
    run_results: Record | None = None
    defer_manifest: Record | None = None

    @property
    def invocation_id(self) -> str:
        """Id of the dbt command that wrote the manifest, empty where it does not say."""
        return text_of(record_of(self.manifest, "metadata"), "invocation_id")

    def ref(self, *names: str, v: Any = None, version: Any = None) -> str:
        """Return the relation of ``ref('model')`` or ``ref('package', 'model')``, perhaps with a version.

        Raises:
            DotUsageError: there is no such model, or it is none that a query can read.
        """
        *package, name = names or ("",)
        wanted = v if v is not None else version
        found = [one for one in self._nodes(self.manifest) if text_of(one, "name") == name]
        found = [one for one in found if not package or text_of(one, "package_name") == package[0]]
        if wanted is not None or any(one.get("version") for one in found):
            found = [one for one in found if _text(one.get("version")) == _text(wanted or one.get("latest_version"))]
        label = f"ref({', '.join(map(repr, names))})"
        if len(found) != 1:
            raise DotUsageError(f"{label}: dbt's manifest has {len(found) or 'no'} such model, seed or snapshot.")
        return self._relation(found[0], label)

    def source(self, source_name: str, table: str) -> str:
        """Return the relation of ``source('source', 'table')``.

        Raises:
            DotUsageError: there is no such source.
        """
        label = f"source({source_name!r}, {table!r})"
        for one in record_of(self.manifest, "sources").values():
            if (text_of(one, "source_name"), text_of(one, "name")) == (source_name, table):
                return _named(one, label)
        raise DotUsageError(f"{label}: dbt's manifest has no such source.")

    def _relation(self, node: Record, label: str) -> str:
        if self.defer_manifest is not None and text_of(node, "unique_id") not in self._built:
            key = text_of(node, "unique_id")
            node = record_of(record_of(self.defer_manifest, "nodes"), key)
            if not node:
                raise DotUsageError(f"{label}: it was not built, and defer_manifest does not have it either.")
        return _named(node, label)

    @property
    def _built(self) -> set[str]:
        results = list_of(self.run_results or {}, "results")
        return {text_of(one, "unique_id") for one in results if text_of(one, "status") in _BUILT}

    @staticmethod
    def _nodes(manifest: Record) -> Iterator[Record]:
        for one in record_of(manifest, "nodes").values():
            if isinstance(one, Mapping) and one.get("resource_type") in _REFERABLE:
                yield one


def _named(node: Record, label: str) -> str:
    relation = text_of(node, "relation_name")
    if text_of(record_of(node, "config"), "materialized") == "ephemeral" or not relation:
        raise DotUsageError(f"{label} is ephemeral: it has no relation that a query could read.")
    return relation


def _text(value: Any) -> str:
    return "" if value is None else str(value)
