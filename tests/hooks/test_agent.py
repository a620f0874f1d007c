"""Dot as a managed agent of Airflow's AI provider."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, task

from dot_provider.api.errors import DotServerError, DotUsageError

INSTALLED = importlib.util.find_spec("airflow.providers.common") is not None and (
    importlib.util.find_spec("airflow.providers.common.ai") is not None
)
QUESTIONS = ["How many orders?", "How many customers?"]
with_common_ai = pytest.mark.skipif(not INSTALLED, reason="apache-airflow-providers-common-ai is not installed")


def test_without_the_ai_provider_the_import_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dot_provider.hooks.agent", raising=False)
    monkeypatch.setitem(sys.modules, "airflow.providers.common.ai.exceptions", None)
    with pytest.raises(ImportError, match="pip install apache-airflow-providers-common-ai"):
        importlib.import_module("dot_provider.hooks.agent")


def test_nothing_else_imports_the_ai_provider() -> None:
    program = (
        "import importlib, pkgutil, sys, dot_provider\n"
        "for module in pkgutil.walk_packages(dot_provider.__path__, 'dot_provider.'):\n"
        "    if not module.name.startswith(('dot_provider.hooks.agent', 'dot_provider.sandbox')):\n"
        "        importlib.import_module(module.name)\n"
        "print(*({'airflow.providers.common.ai.managed_agents', 'pydantic_ai'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


@pytest.fixture
def agent_hook(sandbox: Any) -> Any:
    from dot_provider.hooks.agent import DotAgentHook

    dot = sandbox()
    hook = DotAgentHook()
    hook.sandbox = dot
    return hook


def _request(prompt: str | None = "How many orders?", **fields: Any) -> Any:
    from airflow.providers.common.ai.managed_agents.base import ManagedAgentRequest

    return ManagedAgentRequest(prompt=prompt, **fields)


@with_common_ai
def test_answers_and_goes_on_in_the_same_chat(agent_hook: Any) -> None:
    agent = agent_hook.agent("economy")
    assert (agent.ref.platform, agent.ref.name) == ("getdot.dot", "economy")
    first = agent.invoke(_request())
    assert "orders" in first.text.lower()
    second = agent.invoke(_request("And by region?", session_id=first.session_id))
    assert second.session_id == first.session_id
    (chat,) = agent_hook.sandbox.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many orders?", "And by region?"]
    assert chat.mode == "economy"
    assert second.trace_ref.endswith(first.session_id)


@with_common_ai
def test_takes_the_last_message_of_the_user(agent_hook: Any) -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "..."},
        {"role": "user", "content": [{"type": "text", "text": "How many orders?"}]},
    ]
    agent_hook.agent("dot").invoke(_request(None, messages=messages))
    (chat,) = agent_hook.sandbox.conversations.values()
    assert chat.title == "How many orders?"


@with_common_ai
def test_failures_are_sorted_as_the_contract_wants(agent_hook: Any) -> None:
    from airflow.providers.common.ai.exceptions import ManagedAgentInvocationError, ManagedAgentRejected

    agent = agent_hook.agent("dot")
    with pytest.raises(ManagedAgentRejected, match="could not answer"):
        agent.invoke(_request("[fail] How many?"))
    with pytest.raises(ManagedAgentInvocationError, match="more credits"):
        agent.invoke(_request("[confirm] How many?"))
    agent_hook.sandbox.fail_next("/agentic", status=403)
    with pytest.raises(ManagedAgentInvocationError, match="403"):
        agent.invoke(_request())
    agent_hook.sandbox.fail_next("/c2", status=500)
    with pytest.raises(DotServerError):
        agent.invoke(_request("Why?", session_id="chat"))


@with_common_ai
def test_an_unknown_agent_or_option_is_refused(agent_hook: Any) -> None:
    with pytest.raises(DotUsageError, match="Dot has the agents dot, economy, balanced, frontier, not 'cheap'"):
        agent_hook.resolve_agent("cheap")
    with pytest.raises(DotUsageError, match="no option 'connection'"):
        agent_hook.agent("dot").invoke(_request(vendor_options={"connection": "other"}))


@pytest.fixture
def letter(
    run_dag: Any, dot_connection: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[list[str]], str], dict[str, Any], dict[str, Any]], Any]:
    """A function that runs an agent task; its model asks ``QUESTIONS`` in one turn and ``write``s from the answers."""
    from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook
    from airflow.providers.common.ai.toolsets.managed_agent import ManagedAgentToolset
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    from dot_provider.hooks.agent import DotAgentHook

    def run(write: Callable[[list[str]], str], of_task: dict[str, Any], of_toolset: dict[str, Any]) -> Any:
        def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            heard = [part.content for part in messages[-1].parts if part.part_kind == "tool-return"]
            if heard:
                return ModelResponse([TextPart(write(heard))])
            (tool,) = info.function_tools
            return ModelResponse([ToolCallPart(tool.name, {"prompt": question}) for question in QUESTIONS])

        dot_connection("a_model", conn_type="pydanticai")
        monkeypatch.setattr(PydanticAIHook, "get_conn", lambda hook: FunctionModel(model))
        with DAG("writes_a_letter", schedule=None) as dag:
            ask_dot = ManagedAgentToolset(DotAgentHook().agent("balanced"), tool_name="ask_dot", **of_toolset)

            @task.agent(llm_conn_id="a_model", toolsets=[ask_dot], **of_task)
            def letter() -> str:
                return "Write a sentence on last week's orders."

            letter()
        return run_dag(dag)

    return run


@with_common_ai
def test_the_model_of_an_agent_task_asks_dot_two_questions_at_once_and_reads_the_answers(
    sandbox: Any, letter: Any
) -> None:
    dot = sandbox(answer_seconds=0.3)
    run = letter("\n\n".join, {}, {})
    assert run.state == "success", run.error("letter")
    assert {(chat.title, chat.mode) for chat in dot.conversations.values()} == {(q, "balanced") for q in QUESTIONS}
    assert [chat.posts for chat in dot.conversations.values()] == [1, 1]
    for question in QUESTIONS:
        assert f"**{question}**" in run.xcom("letter")


@with_common_ai
def test_a_durable_agent_task_that_is_retried_does_not_ask_dot_again(sandbox: Any, letter: Any) -> None:
    def write(heard: list[str]) -> str:
        tries.append(heard)
        if len(tries) == 1:
            raise RuntimeError("the model is out of reach")
        return "Done."

    dot, tries = sandbox(), list[list[str]]()
    run = letter(write, {"durable": True, "retries": 1, "retry_delay": timedelta(0)}, {"replayable": True})
    assert run.state == "success", run.error("letter")
    assert tries[0] == tries[1]
    assert [chat.posts for chat in dot.conversations.values()] == [1, 1]
