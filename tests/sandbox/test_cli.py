from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.cli import main

RUN = [sys.executable, "-c", "import sys; from dot_provider.sandbox.cli import main; sys.exit(main())"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command and yield it with its address once it has said it."""
    process = subprocess.Popen([*RUN, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield process, found.group()
    finally:
        process.kill()
        process.wait()


def test_it_says_what_to_export_and_stops_on_ctrl_c() -> None:
    with running("--history", "3", "--token", "my-token") as (process, url):
        me = requests.get(f"{url}/api/auth/me", headers={"X-API-KEY": "my-token"}, timeout=5)
        assert me.status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        rest = process.stdout.read()
        process.wait(10)
    assert f"export DOT_BASE_URL={url}" in rest
    assert "export DOT_API_TOKEN=my-token" in rest
    assert rest.endswith("Stopped.\n")
    assert process.returncode == 0


def test_all_addresses_are_served_where_the_host_says_so() -> None:
    """Of the loopback network each address is this machine, so one of them stands for another machine's way here."""
    with running("--host", "0.0.0.0") as (_, url):
        assert url.startswith("http://127.0.0.1:")
        elsewhere = url.replace("127.0.0.1", "127.0.0.2")
        headers = {"X-API-KEY": "dot-sandbox-token"}
        question = {"messages": [{"role": "user", "content": "How many orders?"}], "chat_id": "a"}
        answer = requests.post(f"{elsewhere}/api/agentic", json=question, headers=headers, timeout=10).text
        assert f"{elsewhere}/?c=a" in requests.get(f"{elsewhere}/api/c2/a", headers=headers, timeout=10).text + answer


def test_a_taken_port_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox() as dot:
        assert main(["--port", str(dot.port)]) == 1
    message = capsys.readouterr().err
    assert message == (
        f"dot-sandbox: Cannot listen on 127.0.0.1:{dot.port}: Address already in use."
        " Choose another port with --port, or --port 0 for a free one.\n"
    )


def test_an_unknown_host_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "no-such-host.invalid"]) == 1
    assert capsys.readouterr().err.startswith("dot-sandbox: Cannot listen on no-such-host.invalid:8800: ")


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_wrong_port_is_named(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--port={port}"])
    assert f"a port is a number from 0 to 65535, not {port}" in capsys.readouterr().err


def test_a_wrong_value_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--duckdb", str(tmp_path / "no" / "shop.duckdb")]) == 1
    assert "folder of the DuckDB file does not exist" in capsys.readouterr().err
