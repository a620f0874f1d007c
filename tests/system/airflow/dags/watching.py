"""A DAG that starts when somebody is unhappy with an answer; paused until a test wants it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, AssetWatcher, dag, task

from dot_provider.triggers import DotConversationsTrigger

CONNECTION = "dot_watched"

UNHAPPY = Asset(
    name="unhappy",
    watchers=[
        AssetWatcher(
            name="unhappy",
            trigger=DotConversationsTrigger(dot_conn_id=CONNECTION, feedback=["negative"], poll_interval=1),
        )
    ],
)


@dag(schedule=[UNHAPPY], catchup=False, is_paused_upon_creation=True)
def looks_into_it() -> None:
    @task
    def chats(triggering_asset_events: Any = None) -> list[str]:
        return [chat for event in triggering_asset_events[UNHAPPY] for chat in event.extra["payload"]["chat_ids"]]

    chats()


looks_into_it()
