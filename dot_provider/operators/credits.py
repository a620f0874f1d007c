"""What questions cost: a person is asked before Dot spends more, nothing is asked beyond a limit, a metric tells."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from dot_provider.api.errors import DotNeedsConfirmationError, DotUsageError

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from dot_provider.api.answer import Answer

CREDITS = "dot_credits"
"""XCom of what the answers of a task have cost together."""

METRIC = "dot.credits"
"""Gauge of the same, with the tags ``dag_id`` and ``task_id``."""

_GO_ON, _STOP = "Continue", "Stop"


def check_people_can_be_asked(task: str) -> None:
    """Refuse, when the DAG is parsed, to ask a person where Airflow has no Required Actions.

    Raises:
        DotUsageError: this Airflow is older than 3.1.
    """
    try:
        import airflow.sdk.execution_time.hitl  # noqa: F401
    except ImportError:
        raise DotUsageError(
            f"Task {task}: on_credits='ask' needs the Required Actions of Airflow 3.1 or later; with 'fail' a retry "
            "takes the answer once a person has agreed in Dot."
        ) from None


def ask_a_person(
    operator: BaseOperator, context: Context, chat_id: str, url: str, timeout: float, users: Sequence[str]
) -> NoReturn:
    """Let the task wait for a decision in Airflow's Required Actions; ``credits_decided`` of the operator goes on.

    Args:
        operator: the task.
        context: its context.
        chat_id: the chat in which Dot asks.
        url: its page.
        timeout: seconds until no answer counts as a no.
        users: ids of the users of Airflow who may decide; all who may answer required actions where there are none.

    Raises:
        BaseException: Airflow's own, by which a task waits: without a trigger from 3.3 on, and by one before.
    """
    from airflow.sdk.execution_time.hitl import HITLUser, upsert_hitl_detail

    ti: Any = context["ti"]
    assigned: dict[str, Any] = {"assigned_users": [HITLUser(id=user, name=user) for user in users]} if users else {}
    upsert_hitl_detail(
        ti_id=ti.id,
        options=[_GO_ON, _STOP],
        # A later request of the same try keeps these words, so that they name no amount.
        subject="Dot asks whether to spend more credits on a question",
        body=f"Task {ti.task_id} waits for your decision. What Dot says about the costs stands in [the chat]({url}).",
        defaults=[_STOP],
        params={},
        **assigned,
    )
    operator.log.info("Waiting for a decision about credits, in Browse > Required Actions: %s", url)
    limit = timedelta(seconds=timeout)
    then: dict[str, Any] = {"method_name": "credits_decided", "kwargs": {"chat_id": chat_id}}
    try:
        from airflow.sdk.exceptions import TaskAwaitingInput
    except ImportError:  # 3.1, 3.2
        from airflow.providers.standard.triggers.hitl import HITLTrigger
        from airflow.sdk.timezone import utcnow

        trigger = HITLTrigger(
            ti_id=ti.id, options=[_GO_ON, _STOP], defaults=[_STOP], params={}, timeout_datetime=utcnow() + limit
        )
        operator.defer(trigger=trigger, **then)
    raise TaskAwaitingInput(timeout=limit, **then)


def check_agreed(event: Any, url: str) -> str:
    """Return who agreed to spend more credits.

    Raises:
        DotNeedsConfirmationError: nobody did; a retry would only ask again.
    """
    decided = event if isinstance(event, dict) else {}
    if decided.get("chosen_options") == [_GO_ON] and not decided.get("timedout"):
        user = decided.get("responded_by_user")
        return str((user.get("name") if isinstance(user, dict) else getattr(user, "name", None)) or "somebody")
    late = decided.get("timedout") or decided.get("error_type") == "timeout"
    why = "nobody has decided in time" if late else decided.get("error") or "a person has stopped it"
    error = DotNeedsConfirmationError(
        f"Dot may not spend more credits: {why}. The question stays in {url}.", chat_url=url
    )
    error.retryable = False
    raise error


def spent_by_others(context: Context) -> float:
    """Return what the other mapped tasks of this one's run have told so far that their answers cost."""
    ti: Any = context["ti"]
    if ti.map_index < 0:
        return 0.0
    told = ti.xcom_pull(task_ids=[ti.task_id], key=CREDITS) or []
    return sum(cost for cost in told if isinstance(cost, int | float))


def tell_credits(context: Context, answers: Sequence[Answer]) -> float | None:
    """Tell what ``answers`` cost together, as an XCom and a metric; None where Dot does not say."""
    costs = [answer.credits for answer in answers if answer.credits is not None]
    if not costs:
        return None
    ti: Any = context["ti"]
    ti.xcom_push(key=CREDITS, value=sum(costs))
    with suppress(Exception):  # metrics are the deployment's: an answer is not lost for one
        try:
            from airflow.sdk.observability.stats import Stats
        except ImportError:  # before 3.3
            from airflow.stats import Stats
        Stats.gauge(METRIC, sum(costs), tags={"dag_id": ti.dag_id, "task_id": ti.task_id})
    return sum(costs)
