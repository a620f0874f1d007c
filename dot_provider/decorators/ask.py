"""``@task.dot_ask``: a function that returns the question to ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory
from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION

from dot_provider.api.errors import DotUsageError
from dot_provider.hooks.errors import failing_the_task
from dot_provider.operators.ask import DotAskOperator

try:
    from airflow.sdk.bases.decorator import determine_kwargs
except ImportError:  # 3.0, 3.1
    from airflow.utils.operator_helpers import determine_kwargs  # type: ignore[attr-defined,no-redef,unused-ignore]

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator


class DotAskDecoratedOperator(DecoratedOperator, DotAskOperator):
    """Asks what the decorated function returns; takes the arguments of ``DotAskOperator`` but ``question``."""

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *DotAskOperator.template_fields)
    custom_operator_name = "@task.dot_ask"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., str],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            question=SET_DURING_EXECUTION,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Call the function for the question, and ask it."""
        context = cast("Context", {**context, **self.op_kwargs})
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        question = self.python_callable(*self.op_args, **kwargs)
        with failing_the_task():
            if not isinstance(question, str) or not question.strip():
                raise DotUsageError(
                    f"{self.python_callable.__name__} must return the question as text, not {type(question).__name__}"
                    f"{' without words' if isinstance(question, str) else ''}."
                )
        self.question = question  # as it is: it may hold data, and a template in that could read any connection
        return DotAskOperator.execute(self, context)


def dot_ask_task(python_callable: Callable[..., str] | None = None, **kwargs: Any) -> TaskDecorator:
    """Turn a function that returns a question into a task that returns Dot's answer.

    Args:
        python_callable: the function; its arguments can be XComs, and names of Airflow's context.
        kwargs: arguments of ``DotAskOperator`` but ``question``.

    Example:
        >>> from airflow.sdk import task
        >>> @task.dot_ask(deferrable=True)
        ... def revenue(dag_run=None):
        ...     return f"What was the revenue on the day before {dag_run.run_after:%Y-%m-%d}?"
    """
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=DotAskDecoratedOperator,
        **{"multiple_outputs": True, **kwargs},
    )
