"""Asking Dot a question."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dot_provider._airflow import conf
from dot_provider.api.errors import DotError
from dot_provider.links.dot import DotLink, link_to
from dot_provider.operators.dot_operator import DotOperator, deferral_timeout
from dot_provider.operators.files import AnyPath, opened

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.api.calls.arguments import Seconds
    from dot_provider.api.calls.conversations import Mode
    from dot_provider.api.client import DotClient
    from dot_provider.api.flows.question import Submitted
    from dot_provider.api.models.answer import Answer

SUBMIT_TIMEOUT = 15.0
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
        save_to: folder, local or in object storage, for ``answer.md``, the tables as CSV and the charts as PNG; those
            of follow-ups go into folders of their own in it.
        chat_id: names the work instead of DAG, run, task, map index and ``max_tries``. Whoever asks with the same id
            attaches to the same question, a cleared task too.
        timeout: seconds, or a ``timedelta``, that each answer may take.
        poll_interval: seconds, or a ``timedelta``, between two looks at the chat.
        deferrable: wait in the triggerer, without a worker slot.
        submit_timeout: seconds, or a ``timedelta``, that a deferrable task waits for an answer before it defers.

    Returns:
        ``Answer.to_record()`` of the question: text, chat_id, url, sql, tables, charts and more, as plain values. With
        follow-ups, ``follow_ups`` holds a list of such records; with ``save_to``, ``saved`` the paths of all files.

    Example:
        >>> DotAskOperator(task_id="revenue", question="What was the revenue on {{ ds }}, and why?")
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        "question",
        "follow_ups",
        "mode",
        "labels",
        "save_to",
        "chat_id",
    )
    operator_extra_links = (DotLink(),)

    def __init__(
        self,
        *,
        question: str,
        follow_ups: Sequence[str] = (),
        mode: Mode | None = None,
        labels: Sequence[str] = (),
        save_to: AnyPath | None = None,
        chat_id: str | None = None,
        timeout: Seconds = 1800,
        poll_interval: Seconds = 5,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        submit_timeout: Seconds = SUBMIT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.question = question
        self.follow_ups = follow_ups
        self.mode = mode
        self.labels = labels
        self.save_to = save_to
        self.chat_id = chat_id
        self.timeout = self._seconds("timeout", timeout)
        self.poll_interval = self._seconds("poll_interval", poll_interval)
        self.deferrable = deferrable
        self.submit_timeout = self._seconds("submit_timeout", submit_timeout)

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, or attach to what an earlier try asked, and wait."""
        from dot_provider.api.flows.ask import submit

        with self.dot() as dot:
            chat_id = self._first_chat_id(context)
            self._check()
            link_to(context, dot.server.chat_url(chat_id))
            asked = dot.run(
                submit(dot.server, self.question, chat_id, self.mode, submit_timeout=self._seconds_to_post())
            )
            context["ti"].xcom_push(key="chat_id", value=asked.question.chat_id)
            link_to(context, dot.server.chat_url(asked.question.chat_id))
            return self._go_on(context, dot, asked, {})

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Read the chat that the trigger watched, and go on from there."""
        from dot_provider.api.flows.posting import look
        from dot_provider.api.flows.question import Question, Submitted
        from dot_provider.api.flows.waiting import outcome, wait_for_answer
        from dot_provider.triggers.events import checked_event, lost_sight

        with self.dot() as dot:
            event = checked_event(event, chat_id=str, positions=list)
            chat_id, positions = event["chat_id"], event["positions"]
            seen = dot.run(look(Question("", chat_id)))
            *earlier, asked = (Submitted(Question("", chat_id, place), seen) for place in positions)
            if seen is None or outcome(dot.server, asked.question, seen) is None:
                if event["status"] != "timeout":
                    raise lost_sight(event, dot.server.chat_url(chat_id))
                dot.run(wait_for_answer(dot.server, asked, deadline=0))
            answers = {one.question.position: dot.run(wait_for_answer(dot.server, one, deadline=0)) for one in earlier}
            return self._go_on(context, dot, asked, answers)

    def _go_on(self, context: Context, dot: DotClient, asked: Submitted, answers: dict[int, Answer]) -> dict[str, Any]:
        """Wait for what was asked last, then ask the follow-ups that are left, one after another.

        ``answers`` holds those of the earlier questions, by their place in the chat.
        """
        from dot_provider.api.flows.ask import submit_follow_up
        from dot_provider.api.rendering import answer_markdown

        follow_ups = self._follow_ups()
        while True:
            chat_id, place = asked.question.chat_id, asked.question.position
            answers[place] = answer = self._answer(dot, asked, [*answers, place])
            self.log.info("%s", answer_markdown(answer))
            if len(answers) > len(follow_ups):
                return self._finish(context, dot, list(answers.values()))
            asked = dot.run(
                submit_follow_up(
                    dot.server,
                    follow_ups[len(answers) - 1],
                    chat_id,
                    self.mode,
                    position=place + 1,
                    submit_timeout=self._seconds_to_post(),
                )
            )

    def _answer(self, dot: DotClient, asked: Submitted, positions: list[int]) -> Answer:
        """Return the answer; a deferrable task leaves for the triggerer where it is not there yet."""
        from dot_provider.api.flows.posting import look
        from dot_provider.api.flows.waiting import outcome, wait_for_answer

        deadline = time.time() + self.timeout
        if self.deferrable:
            seen = asked.seen or dot.run(look(asked.question))
            if seen is None or outcome(dot.server, asked.question, seen) is None:
                self._defer(asked.question.chat_id, positions, deadline)
        return dot.run(wait_for_answer(dot.server, asked, deadline=deadline, poll_interval=self.poll_interval))

    def _defer(self, chat_id: str, positions: list[int], deadline: float) -> None:
        from dot_provider.triggers.answer import DotAnswerTrigger

        self.defer(
            trigger=DotAnswerTrigger(
                dot_conn_id=self.dot_conn_id,
                environment=self.environment,
                chat_id=chat_id,
                positions=positions,
                deadline=deadline,
                poll_interval=self.poll_interval,
            ),
            method_name="execute_complete",
            timeout=deferral_timeout(deadline),
        )

    def _finish(self, context: Context, dot: DotClient, answers: list[Answer]) -> dict[str, Any]:
        first, *others = answers
        self._label(dot, first.chat_id)
        self.describe_outlets(context, {"chat_id": first.chat_id, "url": first.url, "credits": first.credits})
        record = first.to_record()
        if others:
            record["follow_ups"] = [answer.to_record() for answer in others]
        if self.save_to is not None:
            record["saved"] = self._save(dot, answers)
        return record

    def _label(self, dot: DotClient, chat_id: str) -> None:
        if not self.labels:
            return
        try:
            dot.add_labels(chat_id, self.labels)
        except DotError as error:  # the answer is paid for, and worth more than its labels
            self.log.warning("The chat was not labelled: %s", error)

    def _save(self, dot: DotClient, answers: list[Answer]) -> list[str]:
        from dot_provider.api.flows.collect_files import collect_files

        root, saved = opened(self.save_to, "save_to"), list[str]()
        for number, answer in enumerate(answers):
            folder = root / f"follow_up_{number}" if number else root
            folder.mkdir(parents=True, exist_ok=True)
            for file in dot.run(collect_files(dot.server, answer)):
                (folder / file.name).write_bytes(file.content)
                saved.append(str(folder / file.name))
        return saved

    def _follow_ups(self) -> list[str]:
        from dot_provider.api.calls.arguments import checked_texts

        return checked_texts("follow_ups", self.follow_ups or ())

    def _check(self) -> None:
        """Refuse before the question is paid for what would be refused after it."""
        from dot_provider.api.calls.arguments import checked_text, checked_texts
        from dot_provider.api.calls.conversations import checked_mode

        checked_text("question", self.question)
        self._follow_ups()
        if self.save_to is not None:
            opened(self.save_to, "save_to")
        checked_mode(self.mode)
        checked_texts("labels", self.labels or ())

    def _first_chat_id(self, context: Context) -> str:
        from dot_provider.api.flows.chat_ids import chat_id_for
        from dot_provider.api.paths import checked_id

        if self.chat_id is not None:
            return checked_id("chat_id", self.chat_id)
        ti = context["ti"]
        # An automatic retry leaves max_tries alone and so attaches; a user's Clear raises it and so asks anew.
        return chat_id_for("airflow", ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.max_tries)

    def _seconds_to_post(self) -> float | None:
        return min(self.submit_timeout, self.timeout) if self.deferrable else None
