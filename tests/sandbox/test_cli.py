from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from dot_provider.api import DotClient, DotConfigError
from dot_provider.hooks.connection import server_of
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


def other_address() -> str:
    """Return an address of this machine that is not loopback's, or an empty text."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))  # sends nothing
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def test_the_compose_file_of_the_documentation_connects_airflow_and_sandbox() -> None:
    """No Docker here: its command serves other addresses than loopback's, and its connection reaches it there."""
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    services = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["services"]
    arguments = shlex.split(services["sandbox"]["command"])[-1].partition("dot-sandbox ")[2].split()
    fields = json.loads(services["airflow"]["environment"]["AIRFLOW_CONN_DOT_DEFAULT"])
    assert urlsplit(fields["host"]).netloc == f"{services['sandbox']['hostname']}:8800"
    address = other_address()
    if not address:
        pytest.skip("this machine has no other address")
    with running(*arguments) as (_, url):
        fields["host"] = f"http://{address}:{urlsplit(url).port}"
        connection = SimpleNamespace(**{"conn_id": "dot", "login": None, "port": None, "schema": None, **fields})
        with pytest.raises(DotConfigError, match="allow_http"):
            server_of(connection, {})
        with DotClient.for_server(server_of(connection, fields["extra"])) as dot:
            assert dot.whoami().role == "admin"
            assert dot.ask("How many orders?").text
