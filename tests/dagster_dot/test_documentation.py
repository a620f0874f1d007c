"""The pages on Dagster: their Python runs from top to bottom, their YAML loads."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import jsonschema
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox

import dagster_dot
from dot_provider.sandbox import Sandbox
from tests.fixtures_dbt import Shop

DOCS = Path(__file__).parents[2] / "docs"
BOTH = [page for page in sorted(DOCS.glob("*.md")) if "\n## Dagster\n" in page.read_text(encoding="utf-8")]
PAGES = [*sorted((DOCS / "dagster").glob("*.md")), *BOTH]
MOVING = next(page for page in PAGES if page.stem == "moving")


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of code of a page, without whole example DAGs: those are run as they lie in their folder."""
    found = re.findall(rf"([^\n]*)\n```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [block for above, block in found if not above.startswith("<!-- example_dags/")]


def with_blocks(language: str) -> list[Any]:
    return [pytest.param(page, id=page.stem) for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", with_blocks("python"))
def test_the_python_of_a_page_runs(page: Path) -> None:
    if any(re.search(r"from (airflow|dot_provider\.operators)", block) for block in blocks(page, "python")):
        pytest.importorskip("airflow", reason="the page shows both, and there is no Airflow here")
    namespace: dict[str, Any] = {"__name__": "documentation"}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec", dont_inherit=True), namespace)
    for value in list(namespace.values()):
        if isinstance(value, dg.Definitions):
            dg.Definitions.validate_loadable(value)


@pytest.mark.parametrize("page", with_blocks("yaml"))
def test_the_yaml_of_a_page_loads(page: Path, shop: Shop) -> None:
    for block in blocks(page, "yaml"):
        document = yaml.safe_load(block)
        if "type" not in document:  # the configuration of a run
            continue
        component = getattr(dagster_dot, document["type"].removeprefix("dagster_dot."))
        jsonschema.validate(document.get("attributes", {}), component.get_model_cls().model_json_schema())  # `dg check`
        with create_defs_folder_sandbox() as project:
            shutil.copytree(shop.project_dir, project.project_root / "dbt")
            shutil.copytree(shop.target_path, project.project_root / "dbt" / "target")
            path = project.scaffold_component(component_cls=component, defs_yaml_contents=document)
            with project.load_component_and_build_defs(defs_path=path) as (_, defs):
                kept_elsewhere = component is dagster_dot.DotExposuresComponent
                assert defs.assets or defs.asset_checks or defs.sensors or defs.jobs or kept_elsewhere


@pytest.fixture
def moved() -> dict[str, Any]:
    """What the Python of moving.md defines."""
    namespace: dict[str, Any] = {"__name__": "documentation"}
    for block in blocks(MOVING, "python"):
        exec(compile(block, MOVING.name, "exec", dont_inherit=True), namespace)
    return namespace


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
    monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)


def test_the_script_that_one_moves_from_works(
    environment: None, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    (script,) = blocks(MOVING, "py")
    exec(compile(script, MOVING.name, "exec", dont_inherit=True), {})
    assert "is the total of orders" in capsys.readouterr().out
    assert len(sandbox.workspace.syncs) == len(sandbox.conversations) == 1


def test_what_one_moves_to_does_the_same(
    environment: None, sandbox: Sandbox, moved: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert moved["defs"].resolve_job_def("monday").execute_in_process(instance=instance).success
    assert "is the total of orders" in capsys.readouterr().out
    assert len(sandbox.workspace.syncs) == len(sandbox.conversations) == 1


def test_an_asset_of_ones_own_uses_the_same_client(sandbox: Sandbox, moved: dict[str, Any]) -> None:
    dot = dagster_dot.DotResource(api_token=sandbox.token, base_url=sandbox.base_url)
    assert dg.materialize([moved["catalog"]], resources={"dot": dot}).success


def test_a_report_of_what_dbt_built_elsewhere_starts_the_sync(moved: dict[str, Any]) -> None:
    """The webserver's endpoint does nothing else than to report the event."""
    defs = dg.Definitions(assets=[moved["orders"], moved["after_dbt"]], resources=moved["defs"].resources)
    with dg.DagsterInstance.ephemeral() as instance:
        before = dg.evaluate_automation_conditions(defs, instance)
        instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
        after = dg.evaluate_automation_conditions(defs, instance, cursor=before.cursor)
    assert (before.total_requested, after.total_requested) == (0, 1)


def test_every_public_name_is_on_the_first_page_or_one_behind_it() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in dagster_dot.__all__ if name not in text] == []
