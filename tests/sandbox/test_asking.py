from __future__ import annotations

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api, answered


def test_the_same_question_gets_the_same_answer(api: Api) -> None:
    def text(chat_id: str) -> str:
        return str(api.ask("What is the revenue by region?", chat_id)[-1]["explanation"])

    assert text("one") == text("two")


def test_an_answer_has_text_table_chart_sql_and_follow_ups(dot: Sandbox, api: Api) -> None:
    answer = api.ask("What is the revenue by region?")[-1]
    data = answer["additional_data"]
    assert [part["type"] for part in data["formatted_result"]] == ["text", "dataframe", "chart"]
    assert data["assets"]["df_1"]["sql_query"].startswith("select region")
    assert data["dot_url"] == f"{dot.base_url}/?c=chat"
    assert data["credits_used"] > 0
    assert answer["suggested_follow_ups"]


def test_answer_polls_are_the_reads_that_still_show_it_running() -> None:
    with Sandbox(answer_polls=2) as dot:
        api = Api(dot)
        assert not answered(api.ask("How many orders?"))
        reads = [api.read() for _ in range(3)]
        assert [answered(read) for read in reads] == [False, False, True]
        assert [len(read) for read in reads] == [1, 2, 5]
        assert reads[1][1]["role"] == "assistant"


def test_the_request_is_held_until_the_answer_is_there() -> None:
    with Sandbox(answer_seconds=0.05) as dot:
        assert answered(Api(dot).ask("How many orders?"))


def test_an_older_ask_returns_before_the_answer() -> None:
    with Sandbox(answer_seconds=3600) as dot:
        api = Api(dot)
        assert len(api.ask("How many orders?", path="/ask")) == 1
        assert len(api.read()) == 1


def test_a_sandbox_can_let_go_of_the_request() -> None:
    with Sandbox(answer_seconds=3600, hold_requests=False) as dot:
        assert not answered(Api(dot).ask("How many orders?"))


def test_posting_a_chat_twice_is_counted(dot: Sandbox, api: Api) -> None:
    api.ask("How many orders?")
    api.ask("How many orders?")
    conversation = dot.conversations["chat"]
    assert (conversation.posts, conversation.duplicates, len(conversation.turns)) == (2, 1, 2)


def test_a_follow_up_is_no_duplicate(dot: Sandbox, api: Api) -> None:
    api.ask("How many orders?")
    messages = api.follow_up("And by region?")
    assert [m["content"] for m in messages if m["role"] == "user"] == ["How many orders?", "And by region?"]
    assert answered(messages)
    assert dot.conversations["chat"].duplicates == 0


def test_the_command_line_tool_follows_up_through_agentic(dot: Sandbox, api: Api) -> None:
    """It posts one message with skip_check to a chat that exists."""
    api.ask("How many orders?")
    api.ask("And by region?", skip_check=True)
    assert dot.conversations["chat"].duplicates == 0
    assert len(dot.conversations["chat"].turns) == 2


def test_a_follow_up_to_no_chat_is_404(api: Api) -> None:
    body = {"new_message": {"role": "user", "content": "x"}, "chat_id": "none"}
    assert api.post("/agentic_with_history", body).status_code == 404


def test_fail_ends_as_failed(dot: Sandbox, api: Api) -> None:
    last = api.ask("How many orders? [fail]")[-1]
    assert (last["status"], last["error"]) == ("failed", "The sandbox was asked to fail this question.")
    assert dot.conversations["chat"].status == "failed"


def test_confirm_ends_at_the_credit_guard_and_goes_on_when_told(dot: Sandbox, api: Api) -> None:
    last = api.ask("How many orders? [confirm]")[-1]
    assert last["additional_data"] == {"needs_confirmation": True, "estimated_credits": 42}
    assert dot.conversations["chat"].status == "needs confirmation"
    assert answered(api.follow_up("Yes, keep going"))


def test_slow_takes_longer() -> None:
    with Sandbox(slow_seconds=3600) as dot:
        api = Api(dot)
        api.ask("How many orders? [slow]", path="/ask")
        assert dot.conversations["chat"].status == "running"


def test_an_older_dot_answers_in_explanation() -> None:
    with Sandbox(older=True) as dot:
        api = Api(dot)
        assert api.post("/agentic", {}).status_code == 404
        last = api.ask("How many orders?", path="/ask")[-1]
        assert last["content"] == "success"
        assert last["explanation"]
        assert "formatted_result" not in last["additional_data"]


def test_mode_and_environment_are_remembered(dot: Sandbox, api: Api) -> None:
    environment = api.post("/environments", {"name": "dev"}).json()["id"]
    api.ask("How many orders?", mode="economy", headers={"X-Dot-Environment": environment})
    conversation = dot.conversations["chat"]
    assert (conversation.mode, conversation.environment) == ("economy", environment)
