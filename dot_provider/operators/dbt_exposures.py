"""Fetching Dot's apps as exposures of a dbt project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator
from dot_provider.operators.paths import AnyPath, as_text, opened

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotFetchDbtExposuresOperator(DotOperator):
    """Write Dot's dashboards and apps as an ``exposures.yml``, so that dbt's lineage shows who uses which model.

    ``GET /dbt/exposures``; needs an admin's or modeler's token. The file is written only where it changes, and a local
    one in one step, so a dbt that parses the project meanwhile sees the old or the new file.

    Args:
        path: the file, such as ``models/dot_exposures.yml`` of the project, local or in object storage.
        connection_id: only apps on this connection of Dot's.
        dbt_manifest: dbt's ``manifest.json``, its path or that of the target folder: a name that stands in another file
            of the project is refused.
        parse_command: such as ``["dbt", "parse"]``, run in the project where a local file changed; where it fails, so
            does the task, and the old file is put back.

    Returns:
        ``path``, ``changed``, the names of the ``exposures`` in the file, and of the apps that rest on no dbt model
        (``without_dbt_models``).

    Example:
        >>> DotFetchDbtExposuresOperator(task_id="exposures", path="/opt/shop/models/dot_exposures.yml") >> dbt_build
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        "path",
        "connection_id",
        "dbt_manifest",
        "parse_command",
    )

    def __init__(
        self,
        *,
        path: AnyPath,
        connection_id: str | None = None,
        dbt_manifest: AnyPath | Mapping[str, Any] | None = None,
        parse_command: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(parse_command, str):
            raise DotUsageError(f"Task {self.task_id}: parse_command must be a list such as ['dbt', 'parse'].")
        self.dbt_manifest = as_text(dbt_manifest)
        self.parse_command = parse_command
        self.path = as_text(path)
        self.connection_id = connection_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch the exposures, write the file, and return what is in it."""
        from dot_provider.dbt import write_exposures
        from dot_provider.dbt.exposures import checked_exposures

        with self.dot() as dot:
            path = opened(self.path, "path")
            found = dot.dbt_exposures(self.connection_id)
            text = dot.dbt_exposures_yaml(self.connection_id)
            given = self.dbt_manifest
            manifest = given if given is None or isinstance(given, Mapping) else opened(given, "dbt_manifest")
            text, names = checked_exposures(text, path, manifest)
            if isinstance(path, Path):
                changed = write_exposures(text, path, parse_command=self.parse_command)
            elif self.parse_command:
                raise DotUsageError("parse_command needs a local path: dbt parses no project in object storage.")
            elif changed := not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
        self.log.info("%s has %d exposures%s", path, len(names), "" if changed else ", as before")
        return {
            "path": str(path),
            "changed": changed,
            "exposures": list(names),
            "without_dbt_models": [str(record.get("name")) for record in found.apps_without_dbt_models],
        }
