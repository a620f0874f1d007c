"""Dot as a managed agent: a tool that models call from ``@task.agent``.

Imported only by those who use it, because it needs Airflow's provider ``apache-airflow-providers-common-ai``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from dot_provider.api.conversations import Mode
from dot_provider.api.errors import DotAnswerFailedError, DotOutcomeError, DotRefusedError, DotUsageError
from dot_provider.hooks.dot import DotHook

try:
    from airflow.providers.common.ai.exceptions import (  # type: ignore[import-not-found,unused-ignore]
        ManagedAgentInvocationError,
        ManagedAgentRejected,
    )
    from airflow.providers.common.ai.managed_agents.base import (  # type: ignore[import-not-found,unused-ignore]
        BaseManagedAgentHook,
        ManagedAgentCapabilities,
        ManagedAgentRef,
        ManagedAgentRequest,
        ManagedAgentResponse,
    )
except ModuleNotFoundError as error:
    raise ImportError(
        "Dot as a managed agent needs Airflow's AI provider: pip install apache-airflow-providers-common-ai"
    ) from error

DEFAULT_AGENT = "dot"
"""The agent that answers in Dot's own default mode; the others are named after the modes."""


class DotAgentHook(DotHook, BaseManagedAgentHook):  # type: ignore[misc,unused-ignore]
    """Lets the model of ``@task.agent`` ask Dot.

    There is one agent per mode: ``economy``, ``balanced``, ``frontier``, and ``dot`` for Dot's default. A session is a
    chat; each question costs credits.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment to work in, instead of the connection's own.

    Example:
        >>> from airflow.providers.common.ai.toolsets.managed_agent import ManagedAgentToolset
        >>> ManagedAgentToolset(DotAgentHook("dot_default").agent("balanced"), tool_name="ask_dot")
    """

    agent_platform = "getdot.dot"

    def resolve_agent(self, agent: str) -> ManagedAgentRef:
        """Return the identity of an agent.

        Raises:
            DotUsageError: there is no such agent.
        """
        _mode(agent)
        return ManagedAgentRef(platform=self.agent_platform, name=agent)

    def get_agent_capabilities(self, agent: str) -> ManagedAgentCapabilities:
        """Say that Dot keeps conversations, and links to each."""
        _mode(agent)
        return ManagedAgentCapabilities(sessions=True, trace=True)

    def invoke_agent(self, agent: str, request: ManagedAgentRequest) -> ManagedAgentResponse:
        """Ask, or ask on in the session's chat, and wait for the answer.

        Raises:
            ManagedAgentRejected: Dot could not answer this question; another wording may help.
            ManagedAgentInvocationError: Dot refused the request, or wants a person to decide about credits.
            DotTransientError: Dot could not be reached or failed for now; Airflow retries the task.
        """
        from dot_provider.api.answer_markdown import answer_markdown

        if request.vendor_options:
            raise DotUsageError(f"Dot's agent has no option {next(iter(request.vendor_options))!r}.")
        limit: dict[str, Any] = {} if request.timeout is None else {"timeout": request.timeout}
        question, mode = _question(request), _mode(agent)
        try:
            with self.get_conn() as dot:
                if request.session_id is None:
                    answer = dot.ask(question, mode=mode, **limit)
                else:
                    answer = dot.follow_up(question, request.session_id, mode, **limit)
        except DotAnswerFailedError as error:
            raise ManagedAgentRejected(str(error)) from None
        except (DotRefusedError, DotOutcomeError) as error:
            raise ManagedAgentInvocationError(str(error)) from None
        return ManagedAgentResponse(
            text=answer_markdown(answer), raw=answer.raw, session_id=answer.chat_id, trace_ref=answer.url
        )


def _mode(agent: str) -> Mode | None:
    known = (DEFAULT_AGENT, *get_args(Mode))
    if agent not in known:
        raise DotUsageError(f"Dot has the agents {', '.join(known)}, not {agent!r}.")
    return None if agent == DEFAULT_AGENT else agent  # type: ignore[return-value]


def _question(request: ManagedAgentRequest) -> str:
    """Return the prompt, or the text of the last message of the user."""
    if request.prompt is not None:
        return str(request.prompt)
    asked = [message for message in request.messages or () if message.get("role") == "user"]
    content = asked[-1].get("content") if asked else None
    if isinstance(content, str):
        return content
    parts = [part.get("text") for part in content or () if isinstance(part, Mapping)]
    return "\n\n".join(str(text) for text in parts if text)
