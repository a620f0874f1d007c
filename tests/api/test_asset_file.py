"""Files of external assets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dot_provider.api.asset_file import read_asset_rows
from dot_provider.api.errors import DotConfigError, DotUsageError
from dot_provider.api.external_assets import ExternalAsset


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '[{"id": "1", "subtype": "x", "name": "Umsätze"}]'),
        ("a.JSON", '{"external_assets": [{"id": "1", "subtype": "x", "name": "Umsätze"}]}'),
        ("a.yml", "- id: '1'\n  name: Umsätze\n  subtype: x\n"),
        ("a.csv", "id,name,subtype\n1,Umsätze,x\n"),
        ("a.csv", "\ufeffid,name,subtype\r\n1,Umsätze,x,\r\n"),
    ],
)
def test_reads_rows_by_the_ending_of_the_file(tmp_path: Path, name: str, text: str) -> None:
    assert read_asset_rows(_file(tmp_path, name, text)) == [ExternalAsset("1", "x", name="Umsätze")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", "7", "holds no list of assets"),
        ("a.json", '{"assets": []}', "holds no list of assets"),
        ("a.yaml", "a: [", "is not YAML"),
        ("a.yaml", "", "holds no list of assets"),
        ("a.csv", "id,name\n1,x\n2,a,b\n", "asset row 2: there are more cells"),
        ("a.csv", 'id\n"' + "x" * 200_000 + '"\n', "is not CSV"),
        ("a.csv", "id,subtype\n1,x\n2,\n", "a.csv: Asset row 2: subtype is missing"),
        (
            "a.yml",
            "[{id: a, subtype: x, url: 'javascript:alert(1)'}]",
            "a.yml: Asset row 1: .*url must begin",
        ),
        ("a.yml", "[{id: a, subtype: x, last_accessed_at: 31.1.2026}]", "a.yml: Asset row 1: .*: last_accessed_at"),
        ("a.json", '[{"id": "1", "subtype": "x"}, {"id": "1", "subtype": "x"}]', "a.json: Asset row 2: id '1'"),
        ("a.txt", "id", "must be a .json, .yaml, .yml or .csv file"),
        # What follows would leave assets out, and a push with prune deletes what is left out.
        ("a.csv", 'id,name,subtype\n1,"Sales,x\n2,Returns,x\n3,Stock,x\n', "is not CSV"),
        ("a.csv", 'id,name,subtype\n1,"Sales,x\n2,"Returns",x\n', "is not CSV"),
        ("a.csv", "id,subtype,id\n1,x,2\n", "a.csv: the first line names 'id' twice"),
        ("a.csv", "id,subtype,folder\na,s,F\nc,s\n", "asset row 2: there are fewer cells than names"),
        (
            "a.json",
            '{"external_assets": [{"id": "1", "subtype": "x"}], "assets": []}',
            "beside external_assets .*'assets'",
        ),
        ("a.yml", "external_assets: [{id: a, subtype: x}]\nhas_more: true\n", "beside external_assets .*'has_more'"),
        ("a.json", '[{"id": " b ", "subtype": "x"}]', "id begins or ends with a space"),
        ("a.json", '[{"id": "b\\u200b", "subtype": "x"}]', "holds a sign that nobody sees"),
        ("a.csv", "id;subtype\n1;x\n", "a.csv: its cells are separated by ';'"),
        ("a.csv", "id\tsubtype\n1\tx\n", "a.csv: its cells are separated by a tab"),
        ("a.json", '[{"id": "1", "subtype": "x", "id": "2"}]', "a.json is ambiguous: 'id' stands there twice"),
        ("a.json", '{"external_assets": [], "external_assets": [{"id": "1", "subtype": "x"}]}', "twice"),
        ("a.yml", "external_assets: []\nexternal_assets: [{id: a, subtype: x}]\n", "'external_assets' .* twice"),
        ("a.yml", "- {id: a, subtype: x, id: b}\n", "a.yml .* line 1.*'id' stands there twice"),
        ("a.json", '[{"id": "1", "subtype": "x", "view_count": NaN}]', "contains NaN"),
        ("a.yml", "- {id: a, subtype: x, view_count: .nan}\n", "Asset row 1: .*view_count must be a whole number"),
    ],
)
def test_says_what_is_wrong_with_the_file(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        read_asset_rows(_file(tmp_path, name, text))


@pytest.mark.parametrize(
    "written", ["010", "0x1F", "1_000", "12:30:45", "2020-99-99", "2026-01-02 10:00:00", "+5", "7", "1e3", "1.10"]
)
def test_an_id_arrives_as_it_is_written_in_yaml(tmp_path: Path, written: str) -> None:
    (path := tmp_path / "a.yaml").write_text(f"- id: {written}\n  subtype: x\n  view_count: 12\n")
    (asset,) = read_asset_rows(path)
    assert (asset.id, asset.view_count) == (written, 12)


def test_a_mapping_takes_over_fields_of_another_and_changes_them(tmp_path: Path) -> None:
    text = "- &one {id: a, subtype: x, folder: f}\n- {<<: *one, id: b}\n- {<<: *one, id: c, folder: g}\n"
    (path := tmp_path / "a.yaml").write_text(text)
    assert [(asset.id, asset.folder) for asset in read_asset_rows(path)] == [("a", "f"), ("b", "f"), ("c", "g")]


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,name\n1,Umsätze\n".encode("latin-1"))
    with pytest.raises(DotUsageError, match="written in UTF-8"):
        read_asset_rows(path)


def test_a_folder_or_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DotUsageError, match="cannot be read"):
        read_asset_rows(tmp_path / "folder.json")
    with pytest.raises(DotUsageError, match="There is no file"):
        read_asset_rows(tmp_path / "a.json")


def test_says_what_to_install_for_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(DotConfigError, match="pip install pyyaml"):
        read_asset_rows(_file(tmp_path, "a.yml", "- id: '1'"))


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_csv_is_told(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "assets.csv").write_text(text)
    with pytest.raises(DotUsageError, match="is empty: its first line must hold the names of the fields"):
        read_asset_rows(path)
