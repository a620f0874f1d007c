"""The command line that teams work with: listing, scaffolding and checking components, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dot_provider.sandbox import Sandbox

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


def test_a_misspelled_field_in_a_list_is_named_with_its_line(project: Path) -> None:
    file = project / "src/proj/defs/dot/defs.yaml"
    file.parent.mkdir(parents=True)
    questions = "  questions:\n    - question: How many?\n    - question: Why?\n      modee: balanced\n"
    file.write_text(f"type: dagster_dot.DotWorkspaceComponent\nattributes:\n  api_token: t\n{questions}")
    checked = dg_cli(project, "check", "yaml")
    assert checked.returncode == 1
    assert "defs.yaml:7" in checked.stdout + checked.stderr
    assert "modee" in checked.stdout + checked.stderr


def test_a_wrong_option_is_refused_and_leaves_nothing_behind(project: Path) -> None:
    made = dg_cli(project, "scaffold", "defs", "dagster_dot.DotWorkspaceComponent", "dot", "--region", "mars")
    assert made.returncode == 1
    assert "region" in made.stdout + made.stderr
    assert not (project / "src/proj/defs/dot").exists()


def test_help_shows_the_options(project: Path) -> None:
    shown = dg_cli(project, "scaffold", "defs", "dagster_dot.DotQuestionComponent", "--help").stdout
    assert "--question" in shown
    assert "--after" in shown


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
