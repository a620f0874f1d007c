"""Dot's exposures, read and written into a dbt project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dot_provider.api import DotClient
from dot_provider.api.errors import DotProtocolError, DotUsageError
from dot_provider.dbt import (
    DbtReference,
    external_assets_from_manifest,
    parse_exposures,
    parse_reference,
    write_exposures,
)
from dot_provider.sandbox import Sandbox
from tests.fixtures_dbt import Shop

DOT_EXPOSURES = """\
version: 2

exposures:
  - name: dot_weekly_sales
    label: Weekly sales
    type: dashboard
    url: https://app.getdot.ai/apps/weekly-sales
    owner: {name: Ada, email: ada@example.com}
    depends_on:
      - ref('orders')
"""


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("ref('orders')", DbtReference("model", "orders")),
        ('ref("orders")', DbtReference("model", "orders")),
        (" ref( 'orders' ) ", DbtReference("model", "orders")),
        ("{{ ref('orders') }}", DbtReference("model", "orders")),
        ("ref('shop', 'orders')", DbtReference("model", "orders", "shop")),
        ("ref('orders', v=2)", DbtReference("model", "orders", version="2")),
        ("ref('shop', 'orders', version='2.1')", DbtReference("model", "orders", "shop", "2.1")),
        ("source('web', 'visits')", DbtReference("source", "visits", "web")),
        ("metric('revenue')", DbtReference("metric", "revenue")),
        ("model.shop.orders", DbtReference("model", "orders", "shop")),
        ("model.shop.orders.v2", DbtReference("model", "orders", "shop", "2")),
        ("seed.shop.raw_orders", DbtReference("model", "raw_orders", "shop")),
        ("source.shop.web.visits", DbtReference("source", "visits", "web")),
        ("orders", DbtReference("model", "orders")),
    ],
)
def test_a_dependency_is_understood_however_it_is_written(text: str, reference: DbtReference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize("text", ["", "ref()", "ref(orders)", "a b", "{{ }}", "'); drop"])
def test_a_text_that_names_nothing_is_none(text: str) -> None:
    assert parse_reference(text) is None


def test_an_exposure_keeps_its_fields_and_its_record() -> None:
    record = {
        "name": "dot_weekly_sales",
        "label": "Weekly sales",
        "type": "dashboard",
        "url": "https://app.getdot.ai/apps/weekly-sales",
        "description": "Sales by week.",
        "owner": {"name": "Ada", "email": "ada@example.com"},
        "depends_on": ["ref('orders')", "ref('daily_revenue')"],
        "meta": {"dot": 1},
    }
    (exposure,) = parse_exposures([record])
    assert (exposure.name, exposure.label, exposure.type) == ("dot_weekly_sales", "Weekly sales", "dashboard")
    assert (exposure.url, exposure.description) == (record["url"], record["description"])
    assert (exposure.owner_name, exposure.owner_email) == ("Ada", "ada@example.com")
    assert [reference.name for reference in exposure.depends_on] == ["orders", "daily_revenue"]
    assert exposure.raw is record


def test_an_exposure_of_which_only_the_name_is_known_has_empty_texts() -> None:
    (exposure,) = parse_exposures([{"name": "board", "owner": None, "depends_on": None, "url": None}])
    assert (exposure.type, exposure.url, exposure.owner_email, exposure.depends_on) == ("", "", "", ())


def test_an_exposure_without_a_name_is_left_out() -> None:
    assert parse_exposures([{"label": "Nameless"}]) == []


def test_dependencies_are_read_in_the_form_of_a_manifest_too_and_each_once() -> None:
    nodes = ["model.shop.orders", "model.shop.orders", 3, "ref()"]
    (exposure,) = parse_exposures([{"name": "board", "depends_on": {"nodes": nodes}}])
    assert exposure.depends_on == (DbtReference("model", "orders", "shop"),)


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(
        DotUsageError, match=r"There is no folder .*nowhere: give the path of a file in the dbt project"
    ):
        write_exposures("exposures: []", tmp_path / "nowhere" / "dot_exposures.yml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_the_same_text_again_changes_nothing(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "exposures.yml"
    write_exposures(DOT_EXPOSURES, path)
    before = path.stat()
    assert not write_exposures(DOT_EXPOSURES.rstrip() + ending, str(path))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_changed_text_replaces_the_file_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "exposures.yml"
    path.write_text("exposures: []\n")
    path.chmod(0o664)
    assert write_exposures(DOT_EXPOSURES, path)
    assert path.read_text() == DOT_EXPOSURES
    assert path.stat().st_mode & 0o777 == 0o664


def test_a_new_file_can_be_read_by_others(tmp_path: Path) -> None:
    write_exposures(DOT_EXPOSURES, tmp_path / "exposures.yml")
    assert (tmp_path / "exposures.yml").stat().st_mode & 0o777 == 0o644


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yml").write_text("exposures: []\n")
    (tmp_path / "link.yml").symlink_to("real.yml")
    write_exposures(DOT_EXPOSURES, tmp_path / "link.yml")
    assert (tmp_path / "link.yml").is_symlink()
    assert (tmp_path / "real.yml").read_text() == DOT_EXPOSURES


@pytest.mark.parametrize("text", ["", "<html><body>Sign in</body></html>", '{"exposures": []}'])
def test_what_is_no_exposures_file_is_refused_and_the_file_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "exposures.yml"
    path.write_text(DOT_EXPOSURES)
    with pytest.raises(DotProtocolError, match=r"not an exposures\.yml"):
        write_exposures(text, path)
    assert path.read_text() == DOT_EXPOSURES


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "exposures.yml"
    path.write_text("exposures: []\n")

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_exposures(DOT_EXPOSURES, path)
    assert [file.name for file in tmp_path.iterdir()] == ["exposures.yml"]
    assert path.read_text() == "exposures: []\n"


def test_dbt_accepts_the_written_file(shop_copy: Shop) -> None:
    write_exposures(DOT_EXPOSURES, shop_copy.project_dir / "models" / "dot_exposures.yml")
    listed = shop_copy.dbt("--quiet", "list", "--resource-type", "exposure")
    assert "exposure:shop.dot_weekly_sales" in listed.stdout.split()


def test_names_that_dbt_could_have_already_begin_with_dots(shop_copy: Shop) -> None:
    path = shop_copy.project_dir / "models" / "dot_exposures.yml"
    assert write_exposures(DOT_EXPOSURES.replace("dot_weekly_sales", "sales_overview"), path)
    assert "name: dot_sales_overview" in path.read_text()
    assert not write_exposures(DOT_EXPOSURES.replace("dot_weekly_sales", "sales_overview"), path)


def test_apps_whose_names_would_be_one_are_told_apart(shop_copy: Shop) -> None:
    path = shop_copy.project_dir / "models" / "dot_exposures.yml"
    one = DOT_EXPOSURES.partition("exposures:\n")[2]
    names = ("dot_x", "x", "x_2", "x", "dot_weekly")
    write_exposures("exposures:\n" + "".join(one.replace("dot_weekly_sales", name) for name in names), path)
    written = [entry["name"] for entry in yaml.safe_load(path.read_text())["exposures"]]
    assert written == ["dot_x", "dot_x_2", "dot_x_2_2", "dot_x_3", "dot_weekly"]
    assert shop_copy.dbt("parse", "--no-partial-parse").returncode == 0


def test_a_name_that_another_file_has_is_refused_by_both_files(shop_copy: Shop) -> None:
    marts = shop_copy.project_dir / "models" / "marts" / "_exposures.yml"
    marts.write_text(marts.read_text().replace("name: sales_overview", "name: dot_weekly_sales"))
    assert shop_copy.dbt("parse").returncode == 0
    path = shop_copy.project_dir / "models" / "dot_exposures.yml"
    with pytest.raises(DotUsageError, match=r"models/marts/_exposures\.yml.*dot_exposures\.yml"):
        write_exposures(DOT_EXPOSURES, path, manifest=shop_copy.target_path)
    assert not path.exists()


def test_a_file_that_dbt_does_not_parse_is_put_back(shop_copy: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(shop_copy.target_path))
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))
    parse = [str(Path(sys.executable).with_name("dbt")), "parse"]
    path = shop_copy.project_dir / "models" / "dot_exposures.yml"
    wrong = DOT_EXPOSURES.replace("ref('orders')", "ref('nowhere')")
    with pytest.raises(DotUsageError, match="nowhere"):
        write_exposures(wrong, path, parse_command=parse)
    assert not path.exists()
    assert write_exposures(DOT_EXPOSURES, path, parse_command=parse)
    taken = shop_copy.project_dir / "models" / "taken.yml"
    taken.write_text(DOT_EXPOSURES.replace("dot_weekly_sales", "dot_taken"))
    assert shop_copy.dbt("parse").returncode == 0
    for text in (wrong, DOT_EXPOSURES.replace("dot_weekly_sales", "taken")):
        with pytest.raises(DotUsageError, match="dbt does not parse"):
            write_exposures(text, path, parse_command=parse)
        assert path.read_text() == DOT_EXPOSURES
    partial = ["sh", "-c", 'test "$DBT_PARTIAL_PARSE" != false']  # it does not see two exposures of one file
    with pytest.raises(DotUsageError, match="dbt does not parse"):
        write_exposures(wrong, path, parse_command=partial)
    with pytest.raises(DotUsageError, match="/no/dbt cannot be run"):
        write_exposures(wrong, path, parse_command=["/no/dbt"])


def test_exposures_do_not_go_round(shop_copy: Shop) -> None:
    """Three turns of: Dot's exposures into the project, dbt parse, the project's exposures to Dot."""
    path = shop_copy.project_dir / "models" / "dot_exposures.yml"
    files, assets = [], []
    with Sandbox() as dot, DotClient(token=dot.token, base_url=dot.base_url) as client:
        for _ in range(3):
            write_exposures(client.dbt_exposures_yaml(), path)
            files.append(path.read_text())
            assert shop_copy.dbt("parse").returncode == 0
            client.push_external_assets(external_assets_from_manifest(shop_copy.target_path))
            assets.append(len(client.external_assets()))
    assert len(set(assets)) == 1
    assert files[1] == files[2]


def _exposure(**fields: Any) -> dict[str, Any]:
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}
    return {"metadata": metadata, "nodes": {}, "exposures": {"exposure.shop.x": {"name": "x", **fields}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"original_file_path": "models/dot_exposures.yml"},
        {"original_file_path": "models\\dot_exposures.yml"},
        {"original_file_path": "models/apps.yml"},
        {"url": "https://dot.example/apps/x"},
    ],
)
def test_dots_own_are_left_out_and_told(fields: dict[str, Any]) -> None:
    told = list[str]()
    arguments: Any = {"skip_files": ["models/apps.yml"], "origin": "https://dot.example", "report": told.append}
    assert external_assets_from_manifest(_exposure(**fields), **arguments) == []
    assert told == ["Left out, as Dot's own: exposure.shop.x"]


@pytest.mark.parametrize("holder", [lambda meta: {"meta": meta}, lambda meta: {"config": {"meta": meta}}])
def test_what_its_meta_hides_is_left_out_and_told(holder: Any) -> None:
    told = list[str]()
    assert external_assets_from_manifest(_exposure(**holder({"dot": {"skip": True}})), report=told.append) == []
    assert told == ["Left out, as meta.dot says skip: exposure.shop.x"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"skip": "true"}, "skip"),
        ({"skip": 1}, "skip"),
        ({"Skip": True}, "Skip"),
        ({"fodler": "x"}, "fodler"),
        ({"folder": ["a"]}, "folder"),
        ({"subtype": 5}, "subtype"),
        ({"id": None}, "id"),
        ("skip", "meta.dot"),
        (["skip"], "meta.dot"),
    ],
)
def test_a_mistake_in_meta_is_refused_by_exposure_and_field(said: Any, field: str) -> None:
    for fields in ({"meta": {"dot": said}}, {"config": {"meta": {"dot": said}}, "meta": {}}):
        with pytest.raises(DotUsageError, match=rf"exposure\.shop\.x.*{field}|{field}.*exposure\.shop\.x"):
            external_assets_from_manifest(_exposure(**fields))


def test_meta_says_what_an_exposure_is_in_dot() -> None:
    told = list[str]()
    meta = {"dot": {"id": "sales", "subtype": "looker_dashboard", "folder": "Finance"}}
    (asset,) = external_assets_from_manifest(
        _exposure(meta=meta, url="https://dot.example.com"), origin="https://dot.example", report=told.append
    )
    assert (asset.id, asset.subtype, asset.folder, told) == ("sales", "looker_dashboard", "Finance", [])
    external_assets_from_manifest(_exposure(), report=told.append)
    assert told == ["Pushed without a url and without models: exposure.shop.x"]
