"""One question for each of many items, in Python: order, bounds, failures, limits, and the shapes of items."""

from __future__ import annotations

import asyncio
import io
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ava_magic import AvaError, Chat, Replies, Reply, ask_each
from ava_magic.conversation.exchanges import Message
from ava_magic.many.each import Batch
from ava_magic.many.items import items_of
from ava_magic.many.progress import Progress
from ava_magic.many.template import Template, Words

from .endpoint import END, Endpoint, Gate
from .model import Model
from .waiting import until


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def chat(model: Model) -> Chat:
    return Chat(provider=model.ask, system="Be brief.")


async def texts(chat: Chat, items: Any, prompt: str = "{item}", **options: Any) -> list[str]:
    return [reply.text async for reply in ask_each(chat, items, prompt, **options)]


async def test_the_replies_come_in_the_order_of_the_items(chat: Chat, model: Model) -> None:
    model.held["a"] = asyncio.Event()

    async def go_on() -> None:
        await until(lambda: len(model.asked) >= 4)
        model.held["a"].set()

    _, got = await asyncio.gather(go_on(), texts(chat, ["a", "b", "c", "d"]))
    assert got == ["A", "B", "C", "D"]


async def test_of_a_concurrency_beyond_the_items_nothing_is_made() -> None:
    async def counting(model: str, messages: Any, **options: Any) -> Any:
        yield str(len(asyncio.all_tasks()))

    counts = await texts(Chat(provider=counting), range(3), concurrency=10_000)
    assert max(map(int, counts)) < 20


async def test_no_more_than_the_concurrency_are_asked_at_once(chat: Chat, model: Model) -> None:
    await texts(chat, range(50), concurrency=3)
    assert model.most_at_once == 3


async def test_no_conversation_is_read_or_extended(chat: Chat) -> None:
    await chat.ask("before")
    [reply] = [reply async for reply in ask_each(chat, ["x"], "{item}")]
    assert [message["content"] for message in reply.messages] == ["Be brief.", "x"]
    assert len(chat.conversation) == 1


async def test_a_generator_without_end_is_pulled_48_items_ahead_at_most(chat: Chat, model: Model) -> None:
    pulled = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    most = 0
    async with aclosing(ask_each(chat, numbers(), "{item}", concurrency=8)) as replies:
        taken = 0
        async for _ in replies:
            taken += 1
            await asyncio.sleep(0)
            most = max(most, pulled - taken)
            if taken == 500:
                break
    assert 8 <= most <= 48


async def test_one_slow_item_holds_back_no_more_than_the_window(chat: Chat, model: Model) -> None:
    model.held["0"] = asyncio.Event()
    async with aclosing(ask_each(chat, itertools.count(), "{item}", concurrency=8)) as replies:
        first = asyncio.ensure_future(anext(replies))
        await until(lambda: len(model.asked) >= 48)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(model.asked) == 48
        model.held["0"].set()
        assert (await first).text == "0"


async def test_closing_it_hangs_up_and_leaves_no_task(chat: Chat, model: Model) -> None:
    model.held = {str(n): asyncio.Event() for n in range(1, 4)}
    replies = ask_each(chat, range(4), "{item}", concurrency=4)
    assert (await anext(replies)).text == "0"
    await replies.aclose()
    assert sorted(model.hung_up) == ["1", "2", "3"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_consumer_hangs_up(chat: Chat, model: Model) -> None:
    model.held["a"] = asyncio.Event()
    task = asyncio.create_task(texts(chat, ["a"]))
    await until(lambda: model.asked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.hung_up == ["a"]


async def test_a_failed_item_is_recorded_and_the_others_go_on(chat: Chat, model: Model) -> None:
    model.failing.add("b")
    replies = Replies([reply async for reply in ask_each(chat, ["abc", "b", "c"], "{item}")])
    assert replies.text == ["ABC", "", "C"]
    assert list(replies.errors) == [1]
    assert replies.errors[1].kind == "bad_request"
    assert replies[1].partial


async def test_what_had_arrived_of_a_failed_item_is_kept(endpoint: Endpoint) -> None:
    endpoint.answers("half", b"")
    [reply] = [reply async for reply in ask_each(Chat(base_url=endpoint.url), ["x"], "{item}")]
    assert (reply.text, reply.partial) == ("half", True)
    assert reply.error is not None
    assert reply.error.kind == "truncated"


async def test_a_failed_item_is_retried_by_the_endpoints_rules(endpoint: Endpoint) -> None:
    endpoint.answers(status=503, headers="Retry-After: 0\r\n")
    endpoint.says("well")
    assert await texts(Chat(base_url=endpoint.url), ["x"]) == ["well"]
    assert len(endpoint.requests) == 2


async def test_the_models_are_listed_once_for_all_items_that_fail_for_a_wrong_name(endpoint: Endpoint) -> None:
    endpoint.answers(status=404)
    endpoint.answers(b'{"data": [{"id": "small"}]}', content_type="application/json")
    endpoint.answers(status=404)
    asking = ask_each(Chat(base_url=endpoint.url, model="smal"), ["x", "y", "z"], "{item}", concurrency=1)
    errors = [str(reply.error) async for reply in asking]
    assert len(errors) == 3
    assert all("near: small" in error for error in errors)
    assert [request.method for request in endpoint.requests] == ["POST", "GET", "POST", "POST"]


async def test_a_limit_that_refuses_everybody_is_recorded_after_the_retries(endpoint: Endpoint) -> None:
    endpoint.answers(status=429, headers="Retry-After: 0\r\n")
    [reply] = [reply async for reply in ask_each(Chat(base_url=endpoint.url, retries=2), ["x"], "{item}")]
    assert reply.error is not None
    assert reply.error.kind == "rate_limit"
    assert len(endpoint.requests) == 3


async def test_an_endpoint_that_wants_to_be_left_alone_for_long_is_not_asked_for_the_other_items(
    endpoint: Endpoint,
) -> None:
    endpoint.says("well")
    endpoint.answers(status=429, headers="Retry-After: 500\r\n")
    replies = ask_each(Chat(base_url=endpoint.url), range(1000), "{item}", concurrency=1)
    assert (await anext(replies)).text == "well"
    refused = await anext(replies)
    with pytest.raises(AvaError, match="wait 500 seconds") as error:
        await anext(replies)
    assert refused.error is error.value
    assert len(endpoint.requests) == 2


async def test_one_refusal_stops_all_until_it_is_over(endpoint: Endpoint) -> None:
    """The first is refused for a second; nobody asks in that second, though there are seven others to do so."""
    refused, gate = Gate(), Gate()
    endpoint.answers(refused, status=429, headers="Retry-After: 1\r\nContent-Length: 0\r\n")
    endpoint.answers(gate, "one", END)
    endpoint.says("more")
    template = Template("{item}", {}, Words())
    run = Batch(Chat(base_url=endpoint.url), items_of(range(20)), template, changes={}, concurrency=2)

    async def replies() -> list[str]:
        return [reply.text async for reply in run.replies()]

    gone = asyncio.create_task(replies())
    await asyncio.to_thread(endpoint.wait_for_request, 2)
    refused.open()
    await until(lambda: run.throttle.waiting)
    assert run.throttle.waiting is not None
    _, over = run.throttle.waiting
    assert len(endpoint.requests) == 2
    gate.open()
    await asyncio.to_thread(endpoint.wait_for_request, 3)
    assert time.monotonic() > over - 0.1
    assert sorted(await gone) == ["more"] * 19 + ["one"]


async def test_items_that_were_refused_for_the_others_sake_are_not_lost() -> None:
    """An endpoint with room for two at once refuses all that come beside them, more often than there are retries."""
    inside = 0

    async def narrow(model: str, messages: list[Message], **options: Any) -> AsyncIterator[str]:
        nonlocal inside
        if inside >= 2:
            raise AvaError("429", "rate_limit")
        inside += 1
        try:
            await asyncio.sleep(0.01)
            yield "yes"
        finally:
            inside -= 1

    assert await texts(Chat(provider=narrow), range(12), concurrency=4) == ["yes"] * 12


async def test_an_item_is_reached_into(chat: Chat) -> None:
    people = [{"name": "Ada", "born in": 1815}]
    assert await texts(chat, people, '{item["name"]}, {item["born in"]:05d}') == ["ADA, 01815"]


async def test_the_rows_of_a_data_frame_are_items(chat: Chat) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"city": ["Oslo"], "a column": [1.5], "items": [3]})
    assert await texts(chat, frame, '{item.city} {item["a column"]} {item.items}') == ["OSLO 1.5 3"]
    assert await texts(chat, frame["city"]) == ["OSLO"]
    assert await texts(chat, frame) == ["CITY: OSLO\nA COLUMN: 1.5\nITEMS: 3"]


async def test_a_dict_is_its_entries(chat: Chat) -> None:
    assert await texts(chat, {"a": 1, "b": 2}, "{item.key}={item.value}") == ["A=1", "B=2"]


async def test_a_file_is_its_lines(chat: Chat, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("one\r\n\nzwölf".encode())
    assert await texts(chat, path) == ["ONE", "ZWÖLF"]
    assert await texts(chat, path.open(encoding="utf-8")) == ["ONE", "ZWÖLF"]
    assert await texts(chat, io.StringIO("x\ny\n")) == ["X", "Y"]


async def test_an_asynchronous_iterator_is_asked_as_it_comes(chat: Chat) -> None:
    """The first reply is here before there is a second item."""
    more = asyncio.Event()

    async def numbers() -> AsyncIterator[str]:
        yield "a"
        await more.wait()
        yield "b"

    async with aclosing(ask_each(chat, numbers(), "{item}")) as replies:
        assert (await anext(replies)).text == "A"
        more.set()
        assert (await anext(replies)).text == "B"


async def test_what_is_inserted_is_not_read_again(chat: Chat) -> None:
    assert await texts(chat, ["{item}", "{item.x}"]) == ["{ITEM}", "{ITEM.X}"]


async def test_nothing_to_go_through_is_no_reply(chat: Chat) -> None:
    assert await texts(chat, []) == []


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ("a text", "a text is one item"),
        (5, "int holds no items"),
        (None, "NoneType holds no items"),
        (print, "builtin_function_or_method holds no items"),
        (Path("/nowhere/at/all"), "/nowhere/at/all cannot be read: No such file"),
    ],
)
async def test_what_holds_no_items_is_told(chat: Chat, items: Any, says: str) -> None:
    with pytest.raises(AvaError, match=says) as error:
        await texts(chat, items)
    assert error.value.kind == "config"


@pytest.mark.parametrize("prompt", ["the same for all", "{items}", "{{item}}", "{item"])
async def test_a_prompt_without_an_item_is_told(chat: Chat, prompt: str) -> None:
    with pytest.raises(AvaError, match="nothing in the prompt stands for the item"):
        await texts(chat, [1], prompt)


async def test_a_field_that_no_item_has_ends_it_before_anything_is_asked(chat: Chat, model: Model) -> None:
    with pytest.raises(AvaError, match=r"\{item.town\} is not in the item, which has the columns key, value"):
        await texts(chat, {"a": 1, "b": 2}, "{item.town}")
    assert not model.asked


async def test_a_field_that_one_item_lacks_costs_that_item_alone(chat: Chat) -> None:
    people = [{"name": "Ada"}, {"nome": "Bea"}, {"name": "Cleo"}]
    replies = Replies([reply async for reply in ask_each(chat, people, '{item["name"]}')])
    assert replies.text == ["ADA", "", "CLEO"]
    assert replies.errors[1].kind == "config"


async def test_an_error_of_the_generator_comes_after_the_replies_before_it(chat: Chat) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise ZeroDivisionError("theirs")

    replies = ask_each(chat, numbers(), "{item}")
    assert [(await anext(replies)).text for _ in range(2)] == ["1", "2"]
    with pytest.raises(ZeroDivisionError, match="theirs"):
        await anext(replies)


async def test_what_is_wrong_with_every_item_is_raised(model: Model) -> None:
    with pytest.raises(AvaError, match="no provider is called"):
        await texts(Chat(provider="nobody"), [1])
    with pytest.raises(AvaError, match="concurrency"):
        await texts(Chat(provider=model.ask), [1], concurrency=0)


async def test_settings_change_for_a_run(chat: Chat) -> None:
    [reply] = [reply async for reply in ask_each(chat, ["x"], "{item}", system="", model="other")]
    assert [message["role"] for message in reply.messages] == ["user"]
    assert reply.model == "other"


def test_replies_are_a_list_and_a_table() -> None:
    error = AvaError("<b>no</b>", "server")
    replies = Replies(
        [Reply("yes", usage={"completion_tokens": 3}), Reply("", error=error), Reply("<script>x</script>")],
        ["a", "b", "$c$"],
    )
    assert len(replies) == 3
    assert [str(reply) for reply in replies[:2]] == ["yes", ""]
    assert replies[1:].errors == {0: error}
    bundle = replies._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert "3 replies · 1 failed: see .errors · 3 tokens" in bundle["text/html"]
    assert "AvaError (server): <b>no</b>" in bundle["text/plain"]


@pytest.mark.parametrize("count", [True, -5, "12", None])
def test_what_is_no_count_of_tokens_is_not_added_up(count: Any) -> None:
    reply = Reply("12345678", usage={"completion_tokens": count})
    assert Replies([reply]).footer() == "1 reply"
    progress = Progress()
    progress.count(reply, was_found=False)
    assert progress.tokens == 2  # estimated


def test_a_table_shows_the_first_rows_only() -> None:
    bundle = Replies([Reply(f"reply {n}") for n in range(2000)], range(2000))._repr_mimebundle_()
    assert "and 1,990 more" in bundle["text/html"]
    assert len(bundle["text/html"]) < 5_000


async def test_replies_become_a_data_frame(chat: Chat) -> None:
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame({"city": ["Oslo"], "text": ["theirs"]})
    replies = Replies([Reply("ours", model="m", seconds=1.0)], [next(iter(_rows_of(rows)))])
    frame = replies.to_dataframe()
    assert frame.to_dict("records") == [
        {
            **{"city": "Oslo", "item.text": "theirs", "text": "ours", "error": None, "model": "m", "provider": ""},
            **{"finish_reason": None, "tokens": None, "seconds": 1.0},
        }
    ]
    plain = Replies([Reply("a"), Reply("", error=AvaError("no", "server"))], [1, {"x": 2}]).to_dataframe()
    assert plain[["item", "text"]].to_dict("list") == {"item": [1, {"x": 2}], "text": ["a", ""]}
    assert plain["error"].isna().tolist() == [True, False]
    assert list(Replies().to_dataframe().columns)[:2] == ["item", "text"]


def test_without_pandas_there_is_no_data_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AvaError, match="pip install pandas"):
        Replies([Reply("a")], ["b"]).to_dataframe()


def _rows_of(frame: Any) -> Any:
    return items_of(frame).source
