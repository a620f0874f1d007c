"""What is published: a wheel and a source distribution, built as an index gets them."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    return message_from_string(wheel.read(name).decode())


def test_the_wheel_holds_both_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    folders = {name.partition("/")[0] for name in wheel.namelist()}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"dot_provider", "dagster_dot"}
    assert {f"dot_provider/sandbox/pages/{name}" for name in ("style.css", "overview.html")} <= set(wheel.namelist())
    assert {"dot_provider/py.typed", "dagster_dot/py.typed"} <= set(wheel.namelist())


def test_the_source_distribution_holds_packages_and_pages_without_tests_and_benchmarks(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        names = {name.split("/")[1] for name in source.getnames()}
    pages = {f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "CODE_OF_CONDUCT", "SECURITY")}
    assert names == {
        "dot_provider",
        "dagster_dot",
        "docs",
        "dbt_package",
        *pages,
        "LICENSE",
        "pyproject.toml",
        "PKG-INFO",
        ".gitignore",
    }


def test_the_metadata_lead_to_dot(metadata: Message) -> None:
    assert metadata.get_all("Project-URL") == [
        "Homepage, https://getdot.ai",
        "Documentation, https://docs.getdot.ai",
    ]


def test_each_link_of_the_description_works_on_an_index_page(metadata: Message) -> None:
    description = str(metadata.get_payload())
    targets = re.findall(r"\]\(([^)]+)\)", description)
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "`docs/client.md`" in description
    assert "docs/images" not in description
