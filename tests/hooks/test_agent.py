"""Dot as a managed agent of Airflow's AI provider."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from dot_provider.api.errors import DotServerError, DotUsageError

INSTALLED = importlib.util.find_spec("airflow.providers.common") is not None and (
    importlib.util.find_spec("airflow.providers.common.ai") is not None
)
with_common_ai = pytest.mark.skipif(not INSTALLED, reason="apache-airflow-providers-common-ai is not installed")


@pytest.mark.skipif(INSTALLED, reason="apache-airflow-providers-common-ai is installed")
def test_without_the_ai_provider_the_import_says_what_is_missing() -> None:
    with pytest.raises(ImportError, match="pip install apache-airflow-providers-common-ai"):
        importlib.import_module("dot_provider.hooks.agent")


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
