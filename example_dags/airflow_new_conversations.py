"""A DAG that starts when somebody was unhappy with an answer."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, AssetWatcher, dag, task

from dot_provider.triggers import DotConversationsTrigger

UNHAPPY = Asset(
    name="dot_unhappy",
    watchers=[AssetWatcher(name="dot_unhappy", trigger=DotConversationsTrigger(feedback=["negative"]))],
)


@dag(schedule=[UNHAPPY], catchup=False, tags=["dot"])
def airflow_new_conversations() -> None:
    """The event names the chats."""

    @task
    def look_into(triggering_asset_events: Any = None) -> list[str]:
        events = triggering_asset_events[UNHAPPY] if triggering_asset_events else []
        return [chat for event in events for chat in event.extra["payload"]["chat_ids"]]

    look_into()


dag = airflow_new_conversations()
