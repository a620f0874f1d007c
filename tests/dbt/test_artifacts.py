"""Reading dbt's artifacts: what is accepted, and what is said about what is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from dot_provider.api import DotClient
from dot_provider.api.dbt import post_dbt_run
from dot_provider.api.errors import DotPermissionError, DotRefusedError, DotUsageError
from dot_provider.dbt import DbtArtifacts, merge_run_results, read_artifacts, read_manifest, read_run_results
from dot_provider.sandbox import Sandbox
from tests.fixtures_dbt import Shop


class StoragePath:
    """A path into some storage that is no local path, as Airflow's ObjectStoragePath behaves."""

    def __init__(self, files: dict[str, str], key: str = "s3://bucket/target") -> None:
        self.files, self.key = files, key

    def __truediv__(self, key: str) -> StoragePath:
        return StoragePath(self.files, f"{self.key}/{key}")

    def __str__(self) -> str:
        return self.key

    def read_text(self, encoding: str | None = None) -> str:
        if self.key not in self.files:
            raise FileNotFoundError(self.key)
        return self.files[self.key]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_target_folder_gives_both_documents(shop: Shop, kind: type) -> None:
    artifacts = read_artifacts(kind(shop.target_path))
    assert len(artifacts.run_results["results"]) == 40
    assert "model.shop.orders" in artifacts.manifest["nodes"]


def test_files_can_be_named_one_by_one(shop: Shop) -> None:
    artifacts = read_artifacts(
        run_results=shop.target_path / "run_results.json", manifest=str(shop.target_path / "manifest.json")
    )
    assert artifacts == read_artifacts(shop.target_path)


def test_parsed_documents_are_taken_as_they_are(shop: Shop) -> None:
    run_results = json.loads((shop.target_path / "run_results.json").read_text())
    manifest = json.loads((shop.target_path / "manifest.json").read_text())
    artifacts = read_artifacts(run_results=run_results, manifest=manifest)
    assert artifacts.run_results is run_results
    assert artifacts.manifest is manifest


def test_one_document_can_come_from_elsewhere_than_the_target_folder(shop: Shop, failing_shop: Shop) -> None:
    artifacts = read_artifacts(shop.target_path, run_results=failing_shop.target_path)
    assert artifacts.manifest == read_manifest(shop.target_path)
    assert artifacts.run_results == read_run_results(failing_shop.target_path)


def test_any_object_that_reads_text_is_a_path(shop: Shop) -> None:
    names = ("run_results.json", "manifest.json")
    stored = {f"s3://bucket/target/{name}": (shop.target_path / name).read_text() for name in names}
    assert read_artifacts(StoragePath(stored)) == read_artifacts(shop.target_path)


def test_airflows_object_storage_path_is_read(shop: Shop) -> None:
    path_of = pytest.importorskip("airflow.sdk").ObjectStoragePath

    assert read_artifacts(path_of(f"file://{shop.target_path}")) == read_artifacts(shop.target_path)


def test_project_and_command_are_known(shop: Shop) -> None:
    artifacts = read_artifacts(shop.target_path)
    assert (artifacts.project, artifacts.command) == ("shop", "build")


def test_source_freshness_is_accepted_as_the_results_of_a_run(troubled_shop: Shop) -> None:
    target = troubled_shop.target_path
    artifacts = read_artifacts(target, run_results=target / "sources.json")
    assert artifacts.command == "source freshness"


def test_documents_of_one_invocation_match(shop: Shop) -> None:
    assert read_artifacts(shop.target_path).mismatch is None


def test_documents_of_two_invocations_are_accepted_with_a_sentence_about_it(shop: Shop, failing_shop: Shop) -> None:
    artifacts = read_artifacts(run_results=failing_shop.target_path, manifest=shop.target_path)
    assert artifacts.mismatch is not None
    assert "different dbt invocations" in artifacts.mismatch


def test_documents_without_invocation_ids_are_no_mismatch() -> None:
    assert DbtArtifacts({"metadata": {}}, {"metadata": {"invocation_id": "x"}}).mismatch is None


@pytest.mark.parametrize("missing", ["run_results.json", "manifest.json"])
def test_a_missing_file_is_named_together_with_what_writes_it(shop_copy: Shop, missing: str) -> None:
    (shop_copy.target_path / missing).unlink()
    with pytest.raises(DotUsageError, match=rf"no .*/target/{missing}.*`dbt build` writes it"):
        read_artifacts(shop_copy.target_path)


def test_a_missing_file_in_storage_is_named_too() -> None:
    with pytest.raises(DotUsageError, match=r"no s3://bucket/target/run_results\.json"):
        read_artifacts(StoragePath({}))


def test_a_url_as_text_is_answered_with_what_can_read_it() -> None:
    with pytest.raises(DotUsageError, match=r"s3:// is not a local one.*ObjectStoragePath"):
        read_artifacts("s3://bucket/target")


def test_nothing_given_is_answered_with_what_to_give() -> None:
    with pytest.raises(DotUsageError, match=r"Give target_path.*or both"):
        read_artifacts(manifest={})


def test_a_file_in_the_place_of_the_folder_is_said_to_be_unreadable(shop: Shop) -> None:
    with pytest.raises(DotUsageError, match="cannot be read"):
        read_artifacts(shop.duckdb_path)


def test_a_folder_in_the_place_of_the_file_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(DotUsageError, match="cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_said_to_be_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.touch(mode=0o000)
    with pytest.raises(DotUsageError, match="cannot be read: Permission denied"):
        read_manifest(file)


@pytest.mark.parametrize("length", [0, 100])
def test_a_file_that_was_cut_is_said_not_to_be_json(shop_copy: Shop, length: int) -> None:
    file = shop_copy.target_path / "run_results.json"
    file.write_text(file.read_text()[:length])
    with pytest.raises(DotUsageError, match=r"run_results\.json .*not JSON .*run it again"):
        read_artifacts(shop_copy.target_path)


def test_bytes_that_are_no_text_are_said_not_to_be_json(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DotUsageError, match="not JSON"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_json_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DotUsageError, match="a JSON object is needed"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("metadata", [{}, None, [], {"dbt_schema_version": None}, {"dbt_schema_version": "v6"}])
def test_json_that_is_not_dbts_is_refused(metadata: Any) -> None:
    with pytest.raises(DotUsageError, match=r"given run_results is not an artifact of dbt's.*dbt_schema_version"):
        read_run_results({"metadata": metadata, "results": []})


def test_documents_given_the_wrong_way_round_are_named(shop: Shop) -> None:
    target = shop.target_path
    with pytest.raises(DotUsageError, match=r"manifest\.json is dbt's manifest artifact, and run-results"):
        read_artifacts(run_results=target / "manifest.json", manifest=target / "run_results.json")


@pytest.mark.parametrize(
    ("read", "kind", "lacking"), [(read_run_results, "run-results", "results"), (read_manifest, "manifest", "nodes")]
)
def test_an_artifact_without_its_contents_is_refused(read: Any, kind: str, lacking: str) -> None:
    with pytest.raises(DotUsageError, match=f"has no .*{lacking}"):
        read({"metadata": {"dbt_schema_version": f"https://schemas.getdbt.com/dbt/{kind}/v5.json"}})


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["airflow", "dagster", "dbt", "yaml", "requests", "aiohttp", "dlt", "pyarrow"]
    script = f"import sys, dot_provider.dbt; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _document(written: str, which: str, **statuses: str) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "generated_at": written,
            "invocation_id": written,
        },
        "args": {"which": which},
        "elapsed_time": 1.5,
        "results": [{"unique_id": name, "status": status} for name, status in statuses.items()],
    }


def test_results_of_several_commands_become_one_whatever_their_order() -> None:
    """Cosmos runs a test of two models with the first, where the second is not there yet, and again with the second."""
    documents = [
        _document("2026-01-01T00:00:00.123456789Z", "run", customers="success"),
        _document("2026-01-01T00:00:01Z", "test", related="error", unique="pass"),
        _document("2026-01-01T00:00:02.5Z", "run", orders="success"),
        _document("2026-01-01T00:00:03Z", "test", related="pass"),
    ]
    merged = [merge_run_results(order) for order in permutations(documents)]
    assert all(one == merged[0] for one in merged)
    assert {one["unique_id"]: one["status"] for one in merged[0]["results"]} == {
        "customers": "success", "unique": "pass", "orders": "success", "related": "pass",
    }  # fmt: skip
    assert (merged[0]["args"]["which"], merged[0]["elapsed_time"]) == ("build", 6.0)
    assert merged[0]["metadata"] == documents[3]["metadata"]
    assert merge_run_results(documents[:1])["args"]["which"] == "run"


@pytest.mark.parametrize(
    "documents",
    [[], [_document("2026-01-01T00:00:00Z", "generate", a="success")], [_document("yesterday", "run", a="success")]],
)
def test_what_cannot_be_merged_is_refused(documents: Any) -> None:
    with pytest.raises(DotUsageError):
        merge_run_results(documents)


def test_results_of_tables_without_a_row_are_no_all_clear() -> None:
    document = _document("2026-01-01T00:00:00Z", "build", a="success")
    read_run_results({**document, "args": {"which": "build", "empty": False}})
    with pytest.raises(DotUsageError, match="--empty"):
        read_run_results({**document, "args": {"which": "build", "empty": True}})


@pytest.mark.parametrize("which", ["generate", "compile", "show", "docs generate", "list"])
def test_results_of_a_command_that_runs_nothing_are_refused_where_they_are_read(which: str) -> None:
    with pytest.raises(DotUsageError, match="runs no tests"):
        read_run_results(_document("2026-01-01T00:00:00Z", which, a="success"))


@pytest.mark.parametrize(
    ("result", "ran"),
    [
        ({"unique_id": "test.a.b", "status": "success", "message": "OK"}, False),
        ({"unique_id": "test.a.b", "status": "pass"}, True),
        ({"unique_id": "model.a.b", "status": "success", "message": None, "adapter_response": {}}, False),
        ({"unique_id": "model.a.b", "status": "success", "message": "SELECT 5"}, True),
        ({"unique_id": "model.a.b", "status": "success", "adapter_response": {"_message": "OK"}}, True),
        ({"unique_id": "model.a.b", "status": "error"}, True),
    ],
)
def test_results_that_do_not_name_their_command_are_refused_where_nothing_may_have_run(result: Any, ran: bool) -> None:
    document = {**_document("2026-01-01T00:00:00Z", "run"), "results": [result]}
    del document["args"]
    if ran:
        assert read_run_results(document)
    else:
        with pytest.raises(DotUsageError, match="runs no tests"):
            read_run_results(document)


@pytest.mark.parametrize("name", ["run-results/v1", "run-results/v99", "manifest/v1", "manifest/v99", "sources/v1"])
def test_a_schema_that_is_not_known_is_refused_by_its_name(name: str) -> None:
    document = {"metadata": {"dbt_schema_version": f"https://schemas.getdbt.com/dbt/{name}.json"}, "results": []}
    with pytest.raises(DotUsageError, match=name):
        (read_manifest if name.startswith("manifest") else read_run_results)(document)


def test_a_report_that_is_too_large_is_sent_once_more_without_macros(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    artifacts = read_artifacts(shop.target_path)
    with Sandbox() as dot, DotClient(dot.token, dot.base_url) as client, caplog.at_level("INFO", "dot_provider"):
        dot.fail_next("/dbt/run_results", status=413)
        client.report_dbt_run(artifacts.run_results, artifacts.manifest)
        kept = dot.workspace.dbt.manifest
        assert (kept["macros"], kept["docs"]) == ({}, {})
        assert kept["nodes"] == artifacts.manifest["nodes"]
        assert "without macros, docs" in caplog.text
        for _ in range(2):
            dot.fail_next("/dbt/run_results", status=413)
        with pytest.raises(DotRefusedError, match="413"):
            client.report_dbt_run(artifacts.run_results, artifacts.manifest)
        dot.fail_next("/dbt/run_results", status=403)
        with pytest.raises(DotPermissionError):
            client.report_dbt_run(artifacts.run_results, artifacts.manifest)
    assert [request.status for request in dot.requests] == [413, 200, 413, 413, 403]


def test_words_of_dbt_2_arrive_in_lower_case() -> None:
    call = post_dbt_run({"results": [{"unique_id": "source.a.b", "status": "Error", "x": 1}]}, {"nodes": {}})
    assert call.body["run_results"] == {"results": [{"unique_id": "source.a.b", "status": "error", "x": 1}]}
    odd = post_dbt_run({"results": [{"unique_id": "model.a.b", "status": True}]}, {"nodes": {}})
    assert odd.body["run_results"]["results"] == [{"unique_id": "model.a.b", "status": "true"}]


@pytest.mark.slow
def test_a_manifest_of_fifty_megabytes_is_sent_within_400_mib(shop: Shop, tmp_path: Path) -> None:
    """In a process of its own, whose high-water mark the kernel tells."""
    manifest = json.loads((shop.target_path / "manifest.json").read_text())
    nodes, copies = manifest["nodes"], 50_000_000 // len(json.dumps(manifest["nodes"]))
    manifest["nodes"] = {f"{key}_{copy}": node for key, node in nodes.items() for copy in range(copies)}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    shutil.copy(shop.target_path / "run_results.json", tmp_path)
    script = """if True:
        import re, sys
        from dot_provider.api import DotClient
        from dot_provider.dbt import read_artifacts, summarize
        artifacts = read_artifacts(sys.argv[1])
        summarize(artifacts)
        DotClient("dot-sandbox-token", sys.argv[2]).report_dbt_run(artifacts.run_results, artifacts.manifest)
        print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    """
    with Sandbox() as dot:
        command = [sys.executable, "-c", script, tmp_path, dot.base_url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400 * 1024
