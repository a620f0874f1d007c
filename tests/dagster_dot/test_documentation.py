"""The pages of docs/dagster: their Python runs from top to bottom, their YAML loads."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox

import dagster_dot
from dot_provider.sandbox import Sandbox
from tests.fixtures_dbt import Shop

PAGES = sorted((Path(__file__).parents[2] / "docs" / "dagster").glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def with_blocks(language: str) -> list[Any]:
    return [pytest.param(page, id=page.stem) for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", with_blocks("python"))
def test_the_python_of_a_page_runs(page: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "documentation"}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), namespace)
    for value in list(namespace.values()):
        if isinstance(value, dg.Definitions):
            dg.Definitions.validate_loadable(value)


@pytest.mark.parametrize("page", with_blocks("yaml"))
def test_the_yaml_of_a_page_loads(page: Path, shop: Shop) -> None:
    for block in blocks(page, "yaml"):
        document = yaml.safe_load(block)
        component = getattr(dagster_dot, document["type"].removeprefix("dagster_dot."))
        with create_defs_folder_sandbox() as project:
            shutil.copytree(shop.project_dir, project.project_root / "dbt")
            shutil.copytree(shop.target_path, project.project_root / "dbt" / "target")
            path = project.scaffold_component(component_cls=component, defs_yaml_contents=document)
            with project.load_component_and_build_defs(defs_path=path) as (_, defs):
                kept_elsewhere = component is dagster_dot.DotExposuresComponent
                assert defs.assets or defs.asset_checks or defs.sensors or kept_elsewhere


def test_an_asset_of_ones_own_uses_the_same_client(sandbox: Sandbox) -> None:
    """The example in moving.md, run against the sandbox."""
    namespace: dict[str, Any] = {"__name__": "documentation"}
    (block,) = blocks(next(page for page in PAGES if page.stem == "moving"), "python")
    exec(compile(block, "moving.md", "exec"), namespace)
    dot = dagster_dot.DotResource(api_token=sandbox.token, base_url=sandbox.base_url)
    assert dg.materialize([namespace["catalog"]], resources={"dot": dot}).success


def test_every_public_name_is_on_the_first_page_or_one_behind_it() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in dagster_dot.__all__ if name not in text] == []
