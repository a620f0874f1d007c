"""The command line that teams work with: listing, scaffolding and checking components, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def dg_cli(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dg in the project, without the variables that its files refer to."""
    folder = Path(sys.executable).parent
    env = {name: value for name, value in os.environ.items() if name != "DOT_API_TOKEN"}
    env |= {
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
