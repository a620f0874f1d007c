from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api, answered

WRITER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('create table orders as select 1 as id');"


def test_a_question_asked_while_another_process_writes_fails_and_the_next_is_answered(tmp_path: Path) -> None:
    """It waits a little for the writer, and says why it gave up."""
    path = tmp_path / "shop.duckdb"
    command = [sys.executable, "-c", f"{WRITER} print('open', flush=True); sys.stdin.read()", str(path)]
    with Sandbox(duckdb=path) as dot:
        api = Api(dot)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            last = api.ask("How many orders?", "during")[-1]
            writer.communicate()
        assert last["status"] == "failed"
        assert "another process is writing" in last["error"]
        assert answered(api.ask("How many orders?", "after"))
