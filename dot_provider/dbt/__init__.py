"""Between dbt and Dot: artifacts read and checked, exposures and runs turned into what Dot takes.

Pure reading of files, with no orchestrator and no dbt installed.
"""

from __future__ import annotations

from dot_provider.dbt.artifacts import (
    DbtArtifacts,
    docs_block,
    merge_run_results,
    read_artifacts,
    read_manifest,
    read_run_results,
)
from dot_provider.dbt.exposures import DbtReference, DotExposure, parse_exposures, parse_reference, write_exposures
from dot_provider.dbt.external_assets import external_assets_from_manifest
from dot_provider.dbt.incidents import (
    items_from_elementary,
    items_from_great_expectations,
    items_from_soda,
    items_from_sql_checks,
)
from dot_provider.dbt.results import DbtNodeResult, node_results
from dot_provider.dbt.summary import DbtRunSummary, summarize

__all__ = [
    "DbtArtifacts",
    "DbtNodeResult",
    "DbtReference",
    "DbtRunSummary",
    "DotExposure",
    "docs_block",
    "external_assets_from_manifest",
    "items_from_elementary",
    "items_from_great_expectations",
    "items_from_soda",
    "items_from_sql_checks",
    "merge_run_results",
    "node_results",
    "parse_exposures",
    "parse_reference",
    "read_artifacts",
    "read_manifest",
    "read_run_results",
    "summarize",
    "write_exposures",
]
