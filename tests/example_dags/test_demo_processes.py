"""What the demo starts ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from example_dags.demo import processes


def test_an_interrupt_while_a_process_is_started_does_not_lose_it(tmp_path: Path, mocker: Any) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def interrupted(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        started.append(real(*args, **kwargs))
        os.kill(os.getpid(), signal.SIGINT)  # before anybody else knows of the process
        return started[0]

    mocker.patch.object(processes.subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(processes.run_steps("http.server", {}, tmp_path / "log"))
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
