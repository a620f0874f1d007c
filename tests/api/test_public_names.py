from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import dot_provider.api
from dot_provider.api import errors

HEAVY = ("requests", "urllib3", "aiohttp", "airflow", "dagster", "dlt", "pyarrow", "duckdb", "fastapi", "uvicorn")


def test_what_is_listed_is_sorted_and_can_be_imported() -> None:
    listed = dot_provider.api.__all__
    assert listed == sorted(set(listed))
    assert all(getattr(dot_provider.api, name) is not None for name in listed)
    assert dir(dot_provider.api) == listed


def test_every_error_is_public() -> None:
    kinds = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DotError)}
    assert kinds <= set(dot_provider.api.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'DotKlient'"):
        dot_provider.api.DotKlient  # noqa: B018


def test_every_module_and_public_function_of_the_core_says_what_it_does() -> None:
    silent = []
    for info in pkgutil.walk_packages(dot_provider.api.__path__, "dot_provider.api."):
        module = import_module(info.name)
        found = [module, *(member for _, member in inspect.getmembers(module, _is_ours(module.__name__)))]
        silent += [f"{info.name}.{getattr(m, '__name__', '')}" for m in found if not inspect.getdoc(m)]
    assert silent == []


def _is_ours(module: str) -> object:
    def ours(member: object) -> bool:
        return (
            (inspect.isclass(member) or inspect.isfunction(member))
            and member.__module__ == module
            and not member.__name__.startswith("_")
        )

    return ours


@pytest.mark.parametrize(
    "names",
    [
        "",
        "DotError, DotAuthError, DotPartialError",
        "Answer, Conversation, ExternalAsset, EvaluationRun, PushReport, Reply, User, chat_id_for",
    ],
)
def test_the_core_without_a_client_imports_nothing_heavy(names: str) -> None:
    """It is imported wherever a DAG file is parsed or a code location is loaded."""
    imported = f"from dot_provider.api import {names}" if names else "import dot_provider.api"
    program = f"import sys; {imported}; print(*(m for m in {HEAVY} if m in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_the_blocking_client_needs_neither_an_event_loop_library_nor_an_orchestrator() -> None:
    others = HEAVY[2:]
    program = f"import sys; from dot_provider.api import DotClient; print(*(m for m in {others} if m in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_without_aiohttp_the_async_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "dot_provider.api._http.event_loop", raising=False)
    with pytest.raises(ImportError, match=r"AsyncDotClient needs aiohttp: pip install 'dot-provider\[async\]'"):
        dot_provider.api.AsyncDotClient(token="t")


def test_any_other_missing_module_is_named_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dot_provider.api._HOMES, "Answer", "nowhere")
    with pytest.raises(ModuleNotFoundError, match=r"dot_provider\.api\.nowhere"):
        dot_provider.api.Answer  # noqa: B018
