"""A small client for these tests: plain requests, so that they do not depend on the package's own client."""

from __future__ import annotations

from typing import Any

import requests

from dot_provider.sandbox import Sandbox


class Api:
    """Sends to one sandbox with one token."""

    def __init__(self, dot: Sandbox, token: str | None = None, header: str = "X-API-KEY") -> None:
        self.dot = dot
        self.session = requests.Session()
        self.session.headers[header] = dot.token if token is None else token

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.dot.base_url}/api{path}", timeout=20, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.send("POST", path, json=json, **options)

    def ask(self, question: str, chat_id: str = "chat", path: str = "/agentic", **more: Any) -> list[dict[str, Any]]:
        headers = more.pop("headers", None)
        body = {"messages": [{"role": "user", "content": question}], "chat_id": chat_id, **more}
        response = self.post(path, body, headers=headers)
        assert response.status_code == 200, response.text
        messages: list[dict[str, Any]] = response.json()
        return messages

    def follow_up(self, question: str, chat_id: str = "chat") -> list[dict[str, Any]]:
        body = {"new_message": {"role": "user", "content": question}, "chat_id": chat_id}
        messages: list[dict[str, Any]] = self.post("/agentic_with_history", body).json()
        return messages

    def read(self, chat_id: str = "chat") -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.get(f"/c2/{chat_id}").json()["messages"]
        return messages


def answered(messages: list[dict[str, Any]]) -> bool:
    return bool(messages[-1].get("additional_data", {}).get("formatted_result"))
