"""Components as their users write them: a ``defs.yaml`` in a project's ``defs`` folder, loaded by Dagster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import dagster as dg
import pytest
from dagster.components.testing.utils import create_defs_folder_sandbox

from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

Load = Callable[..., dg.Definitions]


@pytest.fixture
def load() -> Iterator[Load]:
    """A function that loads the definitions of one component from its YAML."""
    with ExitStack() as open_projects:

        def loaded(component: type[dg.Component], attributes: dict[str, Any], **document: Any) -> dg.Definitions:
            project = open_projects.enter_context(create_defs_folder_sandbox())
            content = {"type": f"dagster_dot.{component.__name__}", "attributes": attributes, **document}
            path = project.scaffold_component(component_cls=component, defs_yaml_contents=content)
            _, defs = open_projects.enter_context(project.load_component_and_build_defs(defs_path=path))
            return defs

        yield loaded


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that a workspace's YAML refers to."""
    monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
    monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)


@pytest.fixture
def run_all(instance: dg.DagsterInstance, dot: Any) -> Callable[..., Run]:
    """A function that materializes everything that some definitions hold."""

    def run(defs: dg.Definitions, **settings: Any) -> Run:
        resources = {} if "dot" in (defs.resources or {}) else {"dot": dot}
        whole = dg.Definitions.merge(defs, dg.Definitions(resources=resources))
        job = whole.resolve_implicit_global_asset_job_def()
        return Run(job.execute_in_process(instance=instance, raise_on_error=False, **settings))

    return run
