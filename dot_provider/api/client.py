"""The blocking client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dot_provider.api.call import Call, Flow, Pause, Progress, Step, T, Together
from dot_provider.api.delivery import deliver
from dot_provider.api.driver import drive
from dot_provider.api.either_client import EitherClient, Report, announce, log, tell
from dot_provider.api.errors import DotError
from dot_provider.api.transport.blocking import BlockingTransport
from dot_provider.api.wire import Request


class DotClient(EitherClient[BlockingTransport]):
    """Talks to Dot, one blocking method per endpoint; safe to share between threads.

    Args:
        token: API token from Dot's settings; of a service user, because a new token revokes that user's old one.
        base_url: origin of a self-hosted Dot, such as ``https://dot.example.com``.
        environment: id of a Dot environment that everything is scoped to, instead of production.
        timeout: whole seconds, or a ``timedelta``, that one request may take. Endpoints that are known to be slow have
            their own, longer.
        region: ``us`` (the default) or ``eu``, instead of ``base_url``.
        token_header: ``API-KEY`` for an older server that does not know ``X-API-KEY``.
        username, password: log in by password instead, on a server without API tokens.
        url_auth_user: e-mail address to send the token in the URL of sync, import and export with, for a server that
            knows no other way. Access logs then hold the token.
        allow_http: accept a ``base_url`` of ``http://`` on another machine, such as the sandbox's container or a Dot
            in the same cluster. The token then travels unencrypted, and a warning in the log says so.
        clock: what to wait by; for tests.

    Raises:
        DotConfigError: a setting is missing or wrong. Nothing is sent before the first call.

    Example:
        >>> from dot_provider.api import DotClient
        >>> dot = DotClient(token="...")
        >>> print(dot.ask("How many orders did we ship last week?").text)
    """

    _new_transport = BlockingTransport

    def send(self, call: Call[T]) -> T:
        """Send one call and return its result.

        Raises:
            DotError: whatever ended it.
        """
        return self._send(call, None)

    def run(self, flow: Flow[T], report: Report = None) -> T:
        """Run a flow to its end, blocking.

        Args:
            flow: from ``dot_provider.api.flows``.
            report: called with each line of progress, instead of the ``dot_provider`` logger.

        Raises:
            DotError: whatever ended it.
        """

        def handle(step: Step) -> Any:
            if isinstance(step, Call):
                return self._send(step, report)
            if isinstance(step, Together):
                return self._send_together(step, report)
            if isinstance(step, Progress):
                return tell(step, report)
            return self._wait(step.seconds) if isinstance(step, Pause) else self._clock.now()

        return drive(flow, handle)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> DotClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _send(self, call: Call[T], report: Report) -> T:
        result = drive(deliver(self._session, call), self._deliver_step)
        announce(call, report)
        return result

    def _deliver_step(self, step: Request | Pause) -> Any:
        if isinstance(step, Pause):
            return self._wait(step.seconds)
        began = self._clock.now()
        response = self._transport.exchange(step)
        log.debug("%s: %s in %.2f s", step.name, response.status, self._clock.now() - began)
        return response

    def _wait(self, seconds: float) -> float:
        if seconds > 0:
            self._clock.sleep(seconds)
        return self._clock.now()

    def _send_together(self, step: Together, report: Report) -> list[Any]:
        def result_or_error(call: Call[Any]) -> Any:
            try:
                return self._send(call, report)
            except DotError as error:
                return error

        with ThreadPoolExecutor(max_workers=max(1, min(step.concurrency, len(step.calls)))) as pool:
            return list(pool.map(result_or_error, step.calls))
