"""The command line that teams work with: listing, scaffolding and checking components, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dot_provider.sandbox import Sandbox

TOKEN = "{{ env.DOT_API_TOKEN }}"
PROJECT = {
    "pyproject.toml": """
[project]
name = "proj"
version = "0.1"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "proj"
""",
    "src/proj/__init__.py": "",
    "src/proj/defs/__init__.py": "",
    "src/proj/definitions.py": """
from pathlib import Path
from dagster import definitions, load_from_defs_folder

@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return tmp_path / "project"


def dg_cli(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run dg in the project, without the variables that its files refer to unless they are given."""
    folder = Path(sys.executable).parent
    env = {name: value for name, value in os.environ.items() if name != "DOT_API_TOKEN"}
    env |= variables | {
        "PATH": f"{folder}{os.pathsep}{env['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(project / "src"), env.get("PYTHONPATH", "")]),
        "DAGSTER_HOME": str(project.parent / "home"),
        "DG_CLI_CONFIG": str(project.parent / "dg.toml"),
        "COLUMNS": "200",
    }
    return subprocess.run(
        [folder / "dg", *arguments], cwd=project, env=env, capture_output=True, text=True, check=False
    )


def test_every_component_is_listed(project: Path) -> None:
    import dagster_dot

    listed = dg_cli(project, "list", "components", "--package", "dagster_dot").stdout
    components = [name for name in dagster_dot.__all__ if name.endswith("Component")]
    assert [name for name in components if f"dagster_dot.{name}" in listed] == components


def test_a_scaffolded_workspace_refers_to_the_token_and_is_valid(project: Path) -> None:
    made = dg_cli(
        project,
        "scaffold",
        "defs",
        "dagster_dot.DotWorkspaceComponent",
        "dot",
        "--connection-id",
        "shop",
        "--region",
        "eu",
    )
    assert made.returncode == 0, made.stderr
    text = (project / "src/proj/defs/dot/defs.yaml").read_text()
    assert "'{{ env.DOT_API_TOKEN }}'" in text
    assert "region: eu" in text
    assert text.endswith("requirements:\n  env:\n    - DOT_API_TOKEN\n")
    checked = dg_cli(project, "check", "yaml", "--validate-requirements")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_misspelled_field_is_named_with_its_line(project: Path) -> None:
    file = project / "src/proj/defs/dot/defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("type: dagster_dot.DotSyncComponent\nattributes:\n  connection_type: dbt\n  conection_id: shop\n")
    checked = dg_cli(project, "check", "yaml")
    assert checked.returncode == 1
    assert "defs.yaml:4" in checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("component", "options", "attributes"),
    [
        (
            "DotDbtProjectComponent",
            ("--project-path", "analytics"),
            {"project": "{{ context.project_root }}/analytics", "dot": {"api_token": TOKEN, "region": "us"}},
        ),
        (
            "DotExposuresComponent",
            ("--dbt-defs", "shop", "--base-url", "https://dot.example.com", "--token-variable", "SHOP_TOKEN"),
            {
                "dot": {"api_token": "{{ env.SHOP_TOKEN }}", "base_url": "https://dot.example.com"},
                "dbt_defs": "shop",
            },
        ),
    ],
)
def test_a_component_around_dbt_is_scaffolded_with_its_connection(
    project: Path, component: str, options: tuple[str, ...], attributes: dict[str, Any]
) -> None:
    made = dg_cli(project, "scaffold", "defs", f"dagster_dot.{component}", "part", *options)
    assert made.returncode == 0, made.stderr
    document = yaml.safe_load((project / "src/proj/defs/part/defs.yaml").read_text())
    assert document["attributes"] == attributes
    checked = dg_cli(project, "check", "yaml", "--validate-requirements")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_scaffolded_project_is_launched(project: Path) -> None:
    """From nothing to an answer with two commands: scaffold, launch."""
    with Sandbox() as sandbox:
        workspace = ("dagster_dot.DotWorkspaceComponent", "dot", "--connection-id", "shop")
        made = dg_cli(project, "scaffold", "defs", *workspace, "--base-url", sandbox.base_url)
        assert made.returncode == 0, made.stderr
        launched = dg_cli(project, "launch", "--assets", "*", DOT_API_TOKEN=sandbox.token)
        assert launched.returncode == 0, launched.stdout + launched.stderr
        assert [sync.connection_id for sync in sandbox.workspace.syncs] == ["shop"]
        assert [chat.posts for chat in sandbox.conversations.values()] == [1]
        assert sandbox.token not in launched.stdout + launched.stderr
