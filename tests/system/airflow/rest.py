"""Airflow's REST API, as a person's browser uses it: run a DAG, look at it, clear it, test a connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.until import until

ENDED = ("success", "failed")


class Rest:
    """The API of one Airflow, as its admin."""

    def __init__(self, url: str) -> None:
        token = requests.get(f"{url}/auth/token", timeout=30).json()["access_token"]
        self._origin, self._url = url, f"{url}/api/v2"
        self._session = requests.Session()
        self._session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return what a call answers."""
        response = self._session.request(method, self._url + path, json=body, headers=headers, timeout=60)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json() if response.content else None

    def connect(self, connection_id: str, url: str, token: str, extra: Mapping[str, Any] | None = None) -> None:
        """Make the connection to a Dot, with the port that Airflow 3.3.2 needs to test it later."""
        fields = {"port": urlsplit(url).port, "extra": json.dumps(extra or {})}
        self.call("POST", "/connections", {**_connection(connection_id, url, token), **fields})

    def form(self, connection_type: str) -> dict[str, Any]:
        """Return the form for a type of connections, as the browser gets it."""
        forms = self._session.get(f"{self._origin}/ui/connections/hook_meta", timeout=60).json()
        (found,) = (form for form in forms if form["connection_type"] == connection_type)
        return dict(found)

    def test_connection(self, url: str, token: str) -> tuple[bool, str]:
        """Press "Test" in the connection form."""
        answer = self.call("POST", "/connections/test", _connection("typed_into_the_form", url, token))
        return answer["status"], answer["message"]

    def test_saved_connection(self, connection_id: str) -> tuple[bool, str]:
        """Press "Test" in the list of connections: the browser knows the token as three stars."""
        saved = self.call("GET", f"/connections/{connection_id}")
        fields = {name: saved[name] or "" for name in ("conn_type", "description", "extra", "host", "login", "schema")}
        body = {**fields, "connection_id": connection_id, "port": saved["port"] or 0, "password": "***"}
        answer = self.call("POST", "/connections/test", body)
        return answer["status"], answer["message"]

    def version(self) -> tuple[int, ...]:
        """Airflow's major and minor version."""
        return tuple(int(part) for part in self.call("GET", "/version")["version"].split(".")[:2])

    def workers_test_connections(self) -> bool:
        """Whether this Airflow can let a worker test a connection, as it can since 3.3."""
        return (
            "/api/v2/connections/enqueue-test"
            in self._session.get(f"{self._origin}/openapi.json", timeout=60).json()["paths"]
        )

    def test_connection_on_a_worker(self, url: str, token: str) -> tuple[bool, str]:
        """Let a worker test a connection."""
        queued = self.call("POST", "/connections/enqueue-test", _connection("tested_by_a_worker", url, token))
        secret = {"Airflow-Connection-Test-Token": queued["token"]}

        def tested() -> Any:
            found = self.call("GET", "/connections/enqueue-test", **secret)
            return found if found["state"] in ENDED else None

        ended = until(tested, "the worker has tested the connection")
        return ended["state"] == "success", ended["result_message"]

    def run(self, dag_id: str, **conf: str) -> Run:
        """Trigger a DAG."""
        path = f"/dags/{dag_id}"
        until(lambda: dag_id in self._dag_ids(), f"the DAG processor has read {dag_id}")
        run_id = self.call("POST", f"{path}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return Run(self, dag_id, run_id)

    def unpause(self, dag_id: str, paused: bool = False) -> None:
        """Let a DAG run by its schedule, or pause it; its file is read again, as the watchers of its assets need."""
        until(lambda: dag_id in self._dag_ids(), f"the DAG processor has read {dag_id}")
        file_token = self.call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})["file_token"]
        self.call("PUT", f"/parseDagFile/{file_token}")

    def runs(self, dag_id: str, task_id: str) -> list[Run]:
        """The runs of a DAG, oldest first."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns?order_by=id")["dag_runs"]
        return [Run(self, dag_id, run["dag_run_id"], task_id) for run in found]

    def _dag_ids(self) -> list[str]:
        return [dag["dag_id"] for dag in self.call("GET", "/dags")["dags"]]


@dataclass
class Run:
    """A run of a DAG with one task."""

    rest: Rest
    dag_id: str
    run_id: str
    task_id: str = "ask"

    @property
    def path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The task instances; more than one where the task is mapped."""
        found: list[dict[str, Any]] = self.rest.call("GET", f"{self.path}/taskInstances")["task_instances"]
        return found

    @property
    def worker(self) -> str:
        """The host that the task runs on, or ran on last."""
        (task,) = self.tasks
        return str(task["hostname"])

    def all_are(self, state: str) -> bool:
        """Whether the task, with all its copies, is in this state."""
        tasks = self.tasks
        return bool(tasks) and all(task["state"] == state for task in tasks)

    def reaches(self, state: str) -> None:
        """Wait until the task, with all its copies, is in this state."""

        def there() -> bool:
            assert not (state not in ENDED and self.all_are("failed")), self.log()
            return self.all_are(state)

        try:
            until(there, f"{self.dag_id} is {state}")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{[task['state'] for task in self.tasks]}\n{self.log()}") from None

    def ended(self) -> str:
        """Wait until the run has ended; return its state."""
        try:
            return str(until(lambda: self._ended_state(), f"{self.dag_id} has ended"))
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{[task['state'] for task in self.tasks]}\n{self.log()}") from None

    def log(self, try_number: int | None = None) -> str:
        """What the task has logged in a try, the last one unless told otherwise."""
        number = try_number or max(task["try_number"] for task in self.tasks)
        content = self.rest.call("GET", f"{self.path}/taskInstances/{self.task_id}/logs/{number}")["content"]
        return "\n".join(line if isinstance(line, str) else json.dumps(line) for line in content)

    def said(self, level: str, logger: str) -> list[str]:
        """What a logger, or one below it, has said at a level in the last try."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [
            line["event"] for line in lines if line.get("level") == level and line.get("logger", "").startswith(logger)
        ]

    def answer(self) -> Any:
        """What the task returned."""
        return self.rest.call("GET", f"{self.path}/taskInstances/{self.task_id}/xcomEntries/return_value")["value"]

    def links(self) -> dict[str, str]:
        """The buttons of the task."""
        found: dict[str, str] = self.rest.call("GET", f"{self.path}/taskInstances/{self.task_id}/links")["extra_links"]
        return found

    def decide(self, *options: str) -> None:
        """Press a button in the task's Required Action."""
        body = {"chosen_options": list(options), "params_input": {}}
        self.rest.call("PATCH", f"{self.path}/taskInstances/{self.task_id}/-1/hitlDetails", body)

    def clear(self) -> None:
        """Press "Clear" on the task."""
        body = {"dry_run": False, "dag_run_id": self.run_id, "task_ids": [self.task_id], "only_failed": False}
        self.rest.call("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def _ended_state(self) -> str | None:
        state = self.rest.call("GET", self.path)["state"]
        return state if state in ENDED else None


def _connection(connection_id: str, url: str, token: str) -> dict[str, Any]:
    return {"connection_id": connection_id, "conn_type": "dot", "host": url, "password": token}
