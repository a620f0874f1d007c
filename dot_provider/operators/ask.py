"""Asking Dot a question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from dot_provider._airflow import AirflowSkipException, conf
from dot_provider.api.errors import DotNeedsConfirmationError, DotUsageError
from dot_provider.links.dot import DotLink, link_to
from dot_provider.operators.dot_operator import DotOperator, deferral_timeout
from dot_provider.operators.paths import AnyPath, as_text, opened

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.api.answer import Answer
    from dot_provider.api.arguments import Seconds
    from dot_provider.api.ask import Series, SeriesStep
    from dot_provider.api.client import DotClient
    from dot_provider.api.conversations import Mode
    from dot_provider.api.expectation import Expect

_FILLED_IN = re.compile(r"\{\{[^}]*(?<![\w.])(?:value|unit|rows|text|credits)\b")  # before Airflow knows what they are

SUBMIT_TIMEOUT = 3.0
"""Seconds that a deferrable task keeps the connection of its question open; after that it only reads the chat."""


class DotAskOperator(DotOperator):
    """Ask Dot a question and return its answer.

    The question is asked once: a retry attaches to it, also after a crash, while clearing the task asks anew. With
    ``follow_ups``, each is asked in the same chat once the one before is answered. ``POST /agentic``,
    ``POST /agentic_with_history``, ``GET /c2/{chat_id}``.

    Args:
        question: what to ask, in any language.
        follow_ups: further questions for the same chat.
        mode: ``economy``, ``balanced`` or ``frontier``; Dot's default when None.
        labels: labels for the chat in Dot.
        save_to: folder, local or in object storage, for ``answer.md``, ``answer.html``, the tables as CSV and the
            charts as PNG; those of follow-ups go into folders of their own in it. Where it cannot be written to,
            nothing is asked; where saving fails all the same, the answer is in XCom, and a retry saves it.
        embed_charts: also keep up to four charts of at most 256 KiB each as XComs ``dot_chart_<key>``, for the tab "Dot
            answer" of the task's page. Off by default, because the metadata database holds XComs.
        expect: what the answer to ``question`` must hold, read from its table: ``"number"``, ``{"number": "EUR"}`` with
            its unit, or a JSON schema for the table's rows. The record then has ``value`` and ``unit``, or ``rows``.
            Where the answer does not hold it, the task fails for good, with the answer in XCom.
        check: an expression that must be true for the task to succeed, such as ``value < 1000``; it knows ``value``,
            ``unit``, ``rows``, ``text`` and ``credits``.
        on_credits: what happens where Dot asks whether to spend more credits: ``fail``, and a retry takes the answer
            once a person has agreed in Dot; or ``ask`` (from Airflow 3.1 on), and the task waits for a person in
            Airflow's Required Actions. A no, or no answer, fails the task for good.
        credits_timeout: seconds, or a ``timedelta``, that this waits.
        credits_users: ids of the users of Airflow who may decide; without, everybody who may answer required actions.
        max_credits: no further question is asked once answers have cost more, as far as Dot tells: those of this task
            and of the other mapped tasks in its run. A task that so asks nothing is skipped; follow-ups that are left
            out are listed as ``not_asked``.
        chat_id: names the work instead of DAG, run, task, map index and ``max_tries``. Whoever asks with the same id
            attaches to the same question, a cleared task too.
        timeout: seconds, or a ``timedelta``, that each answer may take.
        poll_interval: the most seconds, or a ``timedelta``, between two looks at the chat; the first come each second.
        deferrable: wait in the triggerer, without a worker slot.
        submit_timeout: seconds, or a ``timedelta``, that a deferrable task waits for an answer before it defers.

    Returns:
        ``Answer.to_record()`` of the question: text, chat_id, url, sql, tables, charts and more, as plain values. With
        follow-ups, ``follow_ups`` holds a list of such records; with ``save_to``, ``saved`` the paths of all files.
        Each value is also an XCom of its own: ``ask.output["url"]``.

    Example:
        >>> DotAskOperator(task_id="revenue", question="What drove revenue until {{ dag_run.run_after | ds }}?")
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        "question",
        "follow_ups",
        "mode",
        "labels",
        "save_to",
        "expect",
        "check",
        "chat_id",
    )
    operator_extra_links = (DotLink(),)
    _lineage: tuple[str, str, list[str]] | None = None

    def __init__(
        self,
        *,
        question: str,
        follow_ups: Sequence[str] = (),
        mode: Mode | None = None,
        labels: Sequence[str] = (),
        save_to: AnyPath | None = None,
        embed_charts: bool = False,
        expect: Expect | None = None,
        check: str | None = None,
        on_credits: Literal["fail", "ask"] = "fail",
        credits_timeout: Seconds = 86400,
        credits_users: Sequence[str] = (),
        max_credits: float | None = None,
        chat_id: str | None = None,
        timeout: Seconds = 1800,
        poll_interval: Seconds = 10,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        submit_timeout: Seconds = SUBMIT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.question = question
        self.follow_ups = follow_ups
        self.mode = mode
        self.labels = labels
        self.save_to = as_text(save_to)
        self.embed_charts = self._flag("embed_charts", embed_charts)
        self.expect = expect
        self.check = check
        self.on_credits = on_credits
        self.credits_timeout = self._seconds("credits_timeout", credits_timeout)
        self.credits_users = credits_users
        self.max_credits = max_credits
        if check is not None and _FILLED_IN.search(str(check)):
            raise DotUsageError(
                f"Task {self.task_id}: check is an expression and stands without {{{{ }}}}: value < 1000."
            )
        if on_credits not in ("fail", "ask"):
            raise DotUsageError(f"Task {self.task_id}: on_credits must be fail or ask, not {on_credits!r}.")
        if on_credits == "ask":
            from dot_provider.api.arguments import checked_texts
            from dot_provider.operators.credits import check_people_can_be_asked

            checked_texts(f"Task {self.task_id}: credits_users", credits_users)
            check_people_can_be_asked(self.task_id)
        self.chat_id = chat_id
        self.timeout = self._seconds("timeout", timeout)
        self.poll_interval = self._seconds("poll_interval", poll_interval)
        self.deferrable = self._flag("deferrable", deferrable)
        self.submit_timeout = self._seconds("submit_timeout", submit_timeout)

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, or attach to what an earlier try asked, and wait."""
        from dot_provider.api.answer_files import check_writable
        from dot_provider.api.arguments import checked_text
        from dot_provider.api.ask import begin_series
        from dot_provider.operators.credits import spent_by_others

        with self.dot() as dot:
            chat_id = self._first_chat_id(context)
            checked_text("question", self.question)
            series = self._series(context)
            if self.save_to is not None:
                check_writable(opened(self.save_to, "save_to"), "save_to")
            link_to(self, context, dot.server.chat_url(chat_id))
            if series.max_credits is not None and (spent := spent_by_others(context)) > series.max_credits:
                raise AirflowSkipException(f"Not asked: answers of this run have cost {spent:g} credits.")
            step = dot.run(begin_series(series, chat_id))
            context["ti"].xcom_push(key="chat_id", value=step.asked.chat_id)
            link_to(self, context, dot.server.chat_url(step.asked.chat_id))
            return self._go_on(context, dot, series, step)

    def credits_decided(self, context: Context, event: Any, chat_id: str) -> dict[str, Any]:
        """Go on in the chat, as a person has decided in Airflow's Required Actions."""
        from dot_provider.api.ask import agree_to_credits, begin_series
        from dot_provider.operators.credits import check_agreed

        with self.dot() as dot:
            self.log.info("%s agreed to spend more credits.", check_agreed(event, dot.server.chat_url(chat_id)))
            link_to(self, context, dot.server.chat_url(chat_id))
            dot.run(agree_to_credits(chat_id))
            series = self._series(context)
            return self._go_on(context, dot, series, dot.run(begin_series(series, chat_id)))

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Read the chat that the trigger watched, and go on from there."""
        from dot_provider.api.ask import resume_series
        from dot_provider.api.wait import late
        from dot_provider.triggers.events import checked_event, lost_sight

        with self.dot() as dot:
            event = checked_event(event, chat_id=str, positions=list)
            chat_id, positions = event["chat_id"], event["positions"]
            link_to(self, context, dot.server.chat_url(chat_id))
            with self._person_decides(context, chat_id):
                step = dot.run(resume_series(chat_id, positions, quiet=event.get("quiet") is True))
            if step is None:
                url = dot.server.chat_url(chat_id)
                raise late(url) if event["status"] == "timeout" else lost_sight(event, url)
            self._log_answer(step.answers[-1])
            return self._go_on(context, dot, self._series(context), step)

    def _go_on(self, context: Context, dot: DotClient, series: Series, step: SeriesStep) -> dict[str, Any]:
        """Wait for what was asked last, or leave for the triggerer, and ask what is left."""
        from dot_provider.api.ask import continue_series

        with self._person_decides(context, step.asked.chat_id):
            step = dot.run(continue_series(series, step, wait=not self.deferrable, on_answer=self._log_answer))
        if not series.is_finished(step):
            self._defer(step)
        return self._finish(context, dot, series, step.answers)

    @contextmanager
    def _person_decides(self, context: Context, chat_id: str) -> Iterator[None]:
        """Where Dot asks for credits inside the block, let the task wait for a person, if it is to."""
        from dot_provider.operators.credits import ask_a_person

        try:
            yield
        except DotNeedsConfirmationError as error:
            if self.on_credits != "ask":
                raise
            url = error.chat_url or ""
        else:
            return
        ask_a_person(self, context, chat_id, url, self.credits_timeout, self.credits_users)

    def _defer(self, step: SeriesStep) -> None:
        from dot_provider.api.wait import quiet_time
        from dot_provider.triggers.answer import DotAnswerTrigger

        self.defer(
            trigger=DotAnswerTrigger(
                dot_conn_id=self.dot_conn_id,
                environment=self.environment,
                chat_id=step.asked.chat_id,
                positions=list(step.positions),
                deadline=step.deadline,
                poll_interval=self.poll_interval,
                quiet_for=quiet_time(self.timeout),
            ),
            method_name="execute_complete",
            timeout=deferral_timeout(step.deadline),
        )

    def _log_answer(self, answer: Answer) -> None:
        from dot_provider.api.answer_markdown import answer_markdown

        self.log.info("%s", answer_markdown(answer))

    def _finish(self, context: Context, dot: DotClient, series: Series, answers: Sequence[Answer]) -> dict[str, Any]:
        from dot_provider.api.answer import with_whole_tables
        from dot_provider.api.answer_files import chart_pictures, fetch_files, save_answers
        from dot_provider.api.conversations import label_paid_chat
        from dot_provider.api.expectation import Expectation
        from dot_provider.operators.credits import tell_credits

        first, *others = answers
        self._lineage = dot.server.origin, first.chat_id, [t.sql for a in answers for t in a.tables if t.sql]
        dot.run(label_paid_chat(first.chat_id, self.labels or ()), self.log.warning)
        spent = tell_credits(context, answers)
        self.describe_outlets(context, {"chat_id": first.chat_id, "url": first.url, "credits": spent})
        link_to(self, context, first.url)  # the address that Dot itself gives
        record = first.to_record()
        if others:
            record["follow_ups"] = [answer.to_record() for answer in others]
        if left_out := series.not_asked(answers):
            record["not_asked"] = left_out
            self.log.warning("Answers have cost %g credits: %s is not asked.", spent, ", ".join(map(repr, left_out)))
        if self.embed_charts:
            for key, picture in dot.run(chart_pictures(answers)).items():
                context["ti"].xcom_push(key=f"dot_chart_{key}", value=picture)
        expectation = Expectation(self.expect, self.check)
        if self.do_xcom_push and (expectation or self.save_to is not None):
            # The answer is paid for: it is there also where it cannot be saved, or is not what was expected.
            context["ti"].xcom_push(key="return_value", value=record)
        files = dot.run(fetch_files(first.tables)) if expectation else {}
        if self.save_to is not None:
            record["saved"] = save_answers(dot, answers, opened(self.save_to, "save_to"), files)
        if expectation:
            record |= expectation.judge(with_whole_tables(first, files))
        return record

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what OpenLineage shows: the tables of the answer's SQL, and the chat."""
        from dot_provider.operators.lineage import answered, nothing

        return answered(*self._lineage) if self._lineage else nothing()

    def _series(self, context: Context) -> Series:
        """Return what is to be asked; refuses before a question is paid for what would be refused after it."""
        from dot_provider.api.arguments import checked_credits, checked_texts
        from dot_provider.api.ask import Series
        from dot_provider.api.conversations import checked_mode
        from dot_provider.api.expectation import Expectation
        from dot_provider.api.post_once import LOOK_FOR

        Expectation(self.expect, self.check)
        checked_texts("labels", self.labels or ())
        again = self.chat_id is not None or context["ti"].try_number > 1
        return Series(
            self.question,
            checked_texts("follow_ups", self.follow_ups or ()),
            checked_mode(self.mode),
            timeout=self.timeout,
            poll_interval=self.poll_interval,
            submit_timeout=min(self.submit_timeout, self.timeout) if self.deferrable else None,
            look_for=LOOK_FOR if again else 0,
            max_credits=checked_credits("max_credits", self.max_credits),
        )

    def _first_chat_id(self, context: Context) -> str:
        from dot_provider.api.arguments import checked_id
        from dot_provider.api.ask import chat_id_for

        if self.chat_id is not None:
            return checked_id("chat_id", self.chat_id)
        ti = context["ti"]
        # An automatic retry leaves max_tries alone and so attaches; a user's Clear raises it and so asks anew.
        return chat_id_for("airflow", ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.max_tries)
