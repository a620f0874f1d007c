from __future__ import annotations

import subprocess
import sys

import dot_provider.sandbox


def test_public_names_can_be_imported() -> None:
    assert {name: getattr(dot_provider.sandbox, name).__name__ for name in dot_provider.sandbox.__all__} == {
        name: name for name in ("Conversation", "Fault", "RecordedRequest", "Sandbox")
    }


def test_importing_the_package_imports_no_server() -> None:
    """DAG files and tests that only mention the sandbox do not pay for FastAPI."""
    script = "import dot_provider.sandbox, sys; print({'fastapi', 'uvicorn', 'duckdb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_missing_extra_is_named() -> None:
    script = "import sys; sys.modules['fastapi'] = None; from dot_provider.sandbox.cli import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'dot-provider[sandbox]'" in done.stderr
    assert "Traceback" not in done.stderr
