"""The history in a pipeline of dlt's own."""

from __future__ import annotations

from pathlib import Path

import dlt
import duckdb

from dot_provider.api import DotClient
from dot_provider.history import dot_source
from dot_provider.sandbox import Sandbox


def test_a_dlt_pipeline_merges_the_history(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    pipeline = dlt.pipeline(
        "dot", destination=dlt.destinations.duckdb(str(file)), dataset_name="dot", pipelines_dir=str(tmp_path / "dlt")
    )
    with Sandbox(history=40) as dot:
        for _ in range(2):
            pipeline.run(dot_source(DotClient(dot.token, dot.base_url), "2020-01-01"))
    with duckdb.connect(str(file)) as warehouse:
        ((conversations, keys),) = warehouse.execute(
            "select count(*), count(distinct chat_id) from dot.conversations"
        ).fetchall()
        ((messages, places),) = warehouse.execute(
            "select count(*), count(distinct (chat_id, position)) from dot.messages"
        ).fetchall()
    assert conversations == keys == 40
    assert messages == places > 40
