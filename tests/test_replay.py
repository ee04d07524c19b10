"""Recording and replaying, as a script does it: what is written, and what comes back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from ava_magic import AvaError, Chat, Reply
from ava_magic.cassette.tape import rewind
from ava_magic.conversation.exchanges import Anchor
from ava_magic.errors import NotRecorded
from ava_magic.providers.base import FinishReason, ModelName, Reasoning, Usage
from ava_magic.values.content import Mixed, Picture

from .endpoint import HANG_UP, Endpoint, Gate

SECRET = "-".join(["opaque", "value", "of", "a", "key"])


@pytest.fixture(autouse=True)
def new_run() -> Iterator[None]:
    rewind()
    yield
    rewind()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.jsonl"


class Counting:
    """A provider that never says the same twice."""

    def __init__(self) -> None:
        self.count = 0

    async def ask(self, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[Any]:
        self.count += 1
        yield ModelName("counting-1")
        yield Reasoning("hm")
        yield f"reply {self.count}"
        yield f" to {messages[-1]['content']}"
        yield Usage({"completion_tokens": self.count})
        yield FinishReason("stop")


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def as_shown(reply: Reply) -> dict[str, str]:
    return reply._repr_mimebundle_()


async def talk(chat: Chat, *questions: str) -> list[Reply]:
    return [await chat.ask(question) for question in questions]


async def test_a_conversation_is_replayed_as_it_was(endpoint: Endpoint, path: Path) -> None:
    for words in ("The **first**", " answer"), ("<think>hm", "</think>\n", "the second"):
        endpoint.says(*words)
    recorded = await talk(Chat(base_url=endpoint.url, record=path), "one?", "two?")
    endpoint.forget()
    before = path.read_bytes()
    rewind()
    chat = Chat(record=path, replay=True)
    replayed = await talk(chat, "one?", "two?")
    assert replayed == recorded  # texts, model, usage, reasoning, seconds: everything
    assert list(map(as_shown, replayed)) == list(map(as_shown, recorded))
    assert [exchange.reply for exchange in chat.conversation] == ["The **first** answer", "the second"]
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert not endpoint.requests


async def test_the_deltas_come_as_they_came(path: Path) -> None:
    recorded = [delta async for delta in Chat(provider=Counting().ask, record=path).stream("hi")]
    assert [delta async for delta in Chat(record=path, replay=True).stream("hi")] == recorded == ["reply 1", " to hi"]


async def test_replaying_looks_for_no_endpoint(path: Path) -> None:
    entry = {"provider": "openai", "messages": [{"role": "user", "content": "hi"}], "reply": ["ok"]}
    path.write_text(json.dumps(entry))
    reply = await Chat(provider="no_such_module:Provider", record=path, replay=True).ask("hi")
    assert (str(reply), reply.provider) == ("ok", "openai")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("1", "no cassette"), ("true", "no cassette"), ("0", "cannot be imported"), ("", "cannot be imported")],
)
def test_a_variable_turns_replaying_on(monkeypatch: pytest.MonkeyPatch, path: Path, value: str, outcome: str) -> None:
    monkeypatch.setenv("AVA_REPLAY", value)
    with pytest.raises(AvaError, match=outcome):
        Chat(provider="no_such_module:Provider", record=path).begin("hi")


async def test_a_replay_can_be_stopped(path: Path) -> None:
    async def talks(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        for _ in range(1000):
            yield "word "

    await Chat(provider=talks, record=path).ask("hi")
    chat = Chat(record=path, replay=True)
    task = asyncio.ensure_future(chat.ask("hi"))
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert chat.conversation[0].partial
    assert 0 < len(chat.conversation[0].reply) < 5000


def test_replaying_without_a_cassette_named_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVA_REPLAY", "1")
    with pytest.raises(AvaError, match="none is named") as caught:
        Chat(provider="guide").begin("hi")
    assert caught.value.kind == "config"


async def test_a_variable_names_the_cassette(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("AVA_RECORD", path.name)
    monkeypatch.chdir(path.parent)
    chat = Chat(provider=Counting().ask)
    monkeypatch.chdir("/")
    await chat.ask("hi")
    assert len(entries(path)) == 1


class TestTheSameRequest:
    """Which recorded reply a question gets."""

    async def test_same_requests_are_answered_in_recorded_order_and_then_from_the_first_again(self, path: Path) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        for _ in range(3):
            await chat.ask("hi", history=False)
        chat = Chat(record=path, replay=True)
        texts = [(await chat.ask("hi", history=False)).text for _ in range(4)]
        assert texts == ["reply 1 to hi", "reply 2 to hi", "reply 3 to hi", "reply 1 to hi"]

    async def test_two_chats_of_one_run_count_together(self, path: Path) -> None:
        ask = Counting().ask
        for _ in range(2):
            await Chat(provider=ask, record=path).ask("hi")
        assert [(await Chat(record=path, replay=True).ask("hi")).text[:7] for _ in range(2)] == ["reply 1", "reply 2"]

    async def test_a_question_that_names_no_provider_and_no_model_takes_what_is_there(self, path: Path) -> None:
        await Chat(provider=Counting().ask, model="big", record=path).ask("hi")
        for chat in (Chat(record=path, replay=True), Chat(provider="openai", model="big", record=path, replay=True)):
            assert (await chat.ask("hi")).provider == "ask"
        with pytest.raises(NotRecorded, match="model: small"):
            await Chat(model="small", record=path, replay=True).ask("hi")

    async def test_a_question_that_names_no_model_takes_the_reply_to_one_that_named_none_first(
        self, path: Path
    ) -> None:
        count = Counting()
        for model in ("big", ""):
            await Chat(provider=count.ask, model=model, record=path).ask("hi")
        assert [(await Chat(record=path, replay=True).ask("hi")).text[:7] for _ in range(2)] == ["reply 2", "reply 2"]

    async def test_of_two_endpoints_the_named_one_answers(self, path: Path) -> None:
        async def other(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
            yield "the other"

        chat = Chat(provider=Counting().ask, record=path)
        await chat.ask("hi", history=False)
        await chat.ask("hi", history=False, provider=other)
        chat = Chat(record=path, replay=True)
        assert str(await chat.ask("hi", history=False, provider=other)) == "the other"

    async def test_other_fields_make_another_request(self, path: Path) -> None:
        await Chat(provider=Counting().ask, temperature=0.2, record=path).ask("hi")
        with pytest.raises(NotRecorded, match="temperature"):
            await Chat(temperature=0.3, record=path, replay=True).ask("hi")

    async def test_a_cell_that_is_run_again_gets_the_same_reply(self, path: Path) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        for cell in "ab":
            await chat.finish(chat.begin("hi", Anchor(cell, "1"), history=False))
        chat = Chat(record=path, replay=True)
        texts = []
        for cell, run in ("a1", "b1", "b2", "a3", "b4"):
            turn = chat.begin("hi", Anchor(cell, run), history=False)
            await chat.finish(turn)
            texts.append(turn.reply().text[6])
        assert texts == ["1", "2", "2", "1", "2"]


async def test_what_is_not_recorded_shows_the_nearest_and_what_differs(path: Path) -> None:
    await talk(Chat(provider=Counting().ask, record=path), "What is a list?", "Tell me more.")
    chat = Chat(record=path, replay=True)
    await chat.ask("What is a list?")
    with pytest.raises(NotRecorded) as caught:
        await chat.ask("Tell me\nless.")
    assert str(caught.value).splitlines() == [
        "this request is not in chat.jsonl; the nearest of its 2 is (-), not (+):",
        "  - user: Tell me more.",
        "  + user: Tell me",
        "  + user: less.",
    ]
    assert caught.value._render_traceback_() == [f"AvaError (config): {caught.value}"]
    assert len(chat.conversation) == 1


async def test_an_empty_cassette_says_so(path: Path) -> None:
    path.touch()
    with pytest.raises(NotRecorded, match="is empty"):
        await Chat(record=path, replay=True).ask("hi")


class TestRecordingAgain:
    """Into the same file."""

    async def record(self, path: Path, *questions: str, count: Counting | None = None) -> None:
        rewind()
        await talk(Chat(provider=(count or Counting()).ask, record=path), *questions)

    async def test_at_most_three_fields_differ(self, path: Path) -> None:
        await self.record(path, "one", "two", "three")
        first = entries(path)
        await self.record(path, "one", "two", "three")
        second = entries(path)
        assert len(first) == len(second) == 3
        for old, new in zip(first, second, strict=True):
            assert {name for name in old | new if old.get(name) != new.get(name)} <= {"seconds", "thought_for"}

    async def test_an_endpoint_that_says_something_else_replaces_too(self, path: Path) -> None:
        count = Counting()
        await self.record(path, "one", "two", "one", count=count)
        await self.record(path, "one", "two", "one", count=count)
        assert [entry["reply"][2] for entry in entries(path)] == ["reply 4 to one", "reply 5 to two", "reply 6 to one"]

    async def test_what_is_not_asked_again_stays_byte_for_byte(self, path: Path) -> None:
        await self.record(path, "one", "two")
        lines = path.read_text().splitlines()
        lines[1] = lines[1].replace('": ', '":')  # as another tool would write it
        path.write_text("\n".join(lines))
        await self.record(path, "one")
        assert path.read_text().splitlines()[1] == lines[1]

    async def test_another_endpoint_does_not_replace_what_this_one_said(self, path: Path) -> None:
        def ask(words: str) -> Any:
            async def other(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
                yield words

            return other

        for provider in (Counting().ask, ask("once")):
            await Chat(provider=provider, record=path).ask("hi")
        rewind()
        await Chat(provider=ask("again"), record=path).ask("hi")
        assert [(entry["provider"], entry["reply"][-1]) for entry in entries(path)] == [
            ("ask", {"finish_reason": "stop"}),
            ("other", "again"),
        ]

    async def test_what_another_kernel_writes_changes_nothing_of_the_order(self, path: Path) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        await chat.ask("hi", history=False)
        other = path.read_text().replace('"hi"', '"theirs"')
        path.write_text(other + path.read_text())
        await chat.ask("hi", history=False)
        assert [entry["messages"][0]["content"] for entry in entries(path)] == ["theirs", "hi", "hi"]

    async def test_a_new_question_comes_after_the_one_it_followed(self, path: Path) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        for question in "ad":
            await chat.ask(question, history=False)
        rewind()
        for question in "abcd":
            await chat.ask(question, history=False)
        assert [entry["messages"][0]["content"] for entry in entries(path)] == list("abcd")

    async def test_a_cell_that_is_edited_and_run_again_replaces_its_own(self, path: Path) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        for cell, run, question in ("a", "1", "first"), ("b", "2", "second"), ("a", "3", "first!"), ("a", "4", "1st"):
            await chat.finish(chat.begin(question, Anchor(cell, run)))
        assert [entry["messages"][-1]["content"] for entry in entries(path)] == ["1st", "second"]

    async def test_questions_at_the_same_time_keep_the_order_they_were_asked_in(self, path: Path) -> None:
        gates = {name: asyncio.Event() for name in "abc"}

        async def waits(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
            await gates[kwargs["name"]].wait()
            yield kwargs["name"]

        async def ask(name: str) -> None:
            await Chat(provider=waits, record=path, options={"name": name}).ask("hi")

        tasks = {name: asyncio.ensure_future(ask(name)) for name in "abc"}
        for name in "bca":
            gates[name].set()
            await tasks[name]
        assert [entry["reply"] for entry in entries(path)] == [["a"], ["b"], ["c"]]

    async def test_two_kernels_into_one_file_lose_nothing(self, path: Path) -> None:
        async def record_elsewhere(question: str) -> None:
            program = (
                "import asyncio; from ava_magic import Chat\n"
                f"asyncio.run(Chat(provider='guide', options={{'pace': 0}}, record={str(path)!r}).ask({question!r}))"
            )
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
            assert await process.wait() == 0

        chat = Chat(provider=Counting().ask, record=path)
        await chat.ask("first", history=False)
        await asyncio.gather(*map(record_elsewhere, "abc"))
        await chat.ask("last", history=False)
        asked = [entry["messages"][0]["content"] for entry in entries(path)]
        assert asked[0] == "first"
        assert sorted(asked) == ["a", "b", "c", "first", "last"]


class TestStoppedAndFailed:
    """What is kept of a question without a whole reply."""

    async def test_a_stopped_reply_is_replayed_as_far_as_it_came_and_what_follows_too(self, path: Path) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        async with aclosing(chat.stream("one")) as deltas:
            async for _ in deltas:
                break
        second = await chat.ask("two")
        chat = Chat(record=path, replay=True)
        first = await chat.ask("one")
        assert (first.text, first.partial) == ("reply 1", True)
        assert "stopped before its end" in first.footer()
        assert await chat.ask("two") == second

    async def test_a_stopped_answer_in_json_is_no_failure_when_it_is_replayed(self, path: Path) -> None:
        async with aclosing(Chat(provider=Counting().ask, record=path).stream("one", format="json")) as deltas:
            await anext(deltas)
        reply = await Chat(record=path, replay=True).ask("one", format="json")
        assert (reply.text, reply.partial, reply.data) == ("reply 1", True, None)

    async def test_a_failure_of_the_endpoint_is_replayed_with_what_had_come(
        self, endpoint: Endpoint, path: Path
    ) -> None:
        endpoint.answers("half", HANG_UP)
        for chat in (Chat(base_url=endpoint.url, record=path), Chat(record=path, replay=True)):
            with pytest.raises(AvaError) as caught:
                await chat.ask("hi")
            told = (str(caught.value), caught.value.kind, caught.value.reply and caught.value.reply.text)
            assert told == (
                f"127.0.0.1:{endpoint.port}: the reply was cut off before its end; ask again",
                "truncated",
                "half",
            )
            assert not chat.conversation

    async def test_a_failure_gives_way_to_a_reply_and_never_the_other_way_round(
        self, endpoint: Endpoint, path: Path
    ) -> None:
        chat = Chat(base_url=endpoint.url, record=path, retries=0)
        endpoint.answers(b"{}", status=500)
        endpoint.says("good")
        endpoint.answers(b"{}", status=500)
        for fails in (True, False, True):
            rewind()
            with pytest.raises(AvaError, match="500") if fails else nullcontext():
                await chat.ask("hi", history=False)
        assert [entry["reply"][1] for entry in entries(path)] == ["good"]

    async def test_the_next_try_in_the_same_run_replaces_a_failure_too(self, endpoint: Endpoint, path: Path) -> None:
        endpoint.answers(b"{}", status=500)
        endpoint.says("good")
        chat = Chat(base_url=endpoint.url, record=path, retries=0)
        with pytest.raises(AvaError):
            await chat.ask("hi")
        assert [entry["error"]["kind"] for entry in entries(path)] == ["server"]
        await chat.ask("hi")
        assert ["error" in entry for entry in entries(path)] == [False]

    async def test_nothing_is_kept_of_a_question_that_was_stopped_before_its_first_word(
        self, endpoint: Endpoint, path: Path
    ) -> None:
        gate = Gate()
        endpoint.answers(gate)
        task = asyncio.ensure_future(Chat(base_url=endpoint.url, record=path).ask("hi"))
        await asyncio.to_thread(gate.reached.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.open()
        assert not path.exists()


class TestTheFile:
    """Whatever is wrong with it, nothing is lost."""

    @pytest.mark.parametrize("content", [b'{"cells": []}\n', b"\xff\xfe\x00", b"half of a li"])
    @pytest.mark.parametrize("replay", [True, False])
    async def test_what_is_no_cassette_is_left_alone(self, path: Path, content: bytes, replay: bool) -> None:
        path.write_bytes(content)
        with pytest.raises(AvaError, match=r"chat\.jsonl") as caught:
            Chat(provider="guide", record=path, replay=replay).begin("hi")
        assert caught.value.kind == "config"
        assert path.read_bytes() == content

    async def test_a_folder_is_no_cassette(self, path: Path) -> None:
        with pytest.raises(AvaError, match="cannot be read"):
            await Chat(provider="guide", record=path.parent).ask("hi")

    async def test_the_folder_of_a_new_cassette_is_made(self, path: Path) -> None:
        await Chat(provider=Counting().ask, record=path.parent / "cassettes" / "new" / "chat.jsonl").ask("hi")
        assert entries(path.parent / "cassettes" / "new" / "chat.jsonl")

    async def test_a_reply_that_cannot_be_written_down_is_not_lost(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chat = Chat(provider=Counting().ask, record=path)
        await chat.ask("one")
        before = path.read_bytes()

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", full)
            reply = await chat.ask("two")
        assert reply.text == "reply 2 to two"
        assert "not recorded: No space left on device" in reply.footer()
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]
        await chat.ask("three")
        assert [entry["messages"][-1]["content"] for entry in entries(path)] == ["one", "three"]

    async def test_a_crash_in_the_middle_of_writing_leaves_the_former_file(self, path: Path) -> None:
        await Chat(provider=Counting().ask, record=path).ask("one")
        before = path.read_bytes()
        program = (
            "import asyncio, os; from ava_magic import Chat; os.fsync = lambda handle: os._exit(9)\n"
            f"asyncio.run(Chat(provider='guide', options={{'pace': 0}}, record={str(path)!r}).ask('two'))"
        )
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        assert await process.wait() == 9
        assert path.read_bytes() == before

    async def test_a_link_stays_a_link_and_permissions_stay(self, path: Path) -> None:
        path.touch()
        path.chmod(0o640)
        link = path.with_name("link.jsonl")
        link.symlink_to(path)
        await Chat(provider=Counting().ask, record=link).ask("hi")
        assert link.is_symlink()
        assert len(entries(path)) == 1
        assert path.stat().st_mode & 0o777 == 0o640


class TestKeys:
    """None is ever in a cassette."""

    async def test_a_key_that_is_echoed_in_a_reply_or_an_error(
        self, endpoint: Endpoint, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AVA_API_KEY", SECRET)
        endpoint.says("your key is ", SECRET[:9], SECRET[9:])
        endpoint.answers(json.dumps({"error": {"message": f"bad key {SECRET}"}}).encode(), status=401)
        chat = Chat(base_url=endpoint.url, record=path)
        await chat.ask("hi", options={"extra_headers": {"Authorization": f"Bearer {SECRET}"}, "user": SECRET})
        with pytest.raises(AvaError):
            await chat.ask(f"is {SECRET} right?")
        assert endpoint.requests[0].headers["authorization"] == f"Bearer {SECRET}"
        assert SECRET[:9] not in path.read_text()
        assert len(entries(path)) == 2

    async def test_the_key_of_a_chat(self, path: Path) -> None:
        async def echoes(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
            yield f"{SECRET} it is"
            raise KeyError(SECRET)

        with pytest.raises(AvaError):
            await Chat(echoes, base_url=f"https://h/v1?key={SECRET}", api_key=SECRET, record=path).ask("hi")
        assert SECRET not in path.read_text()
        assert entries(path)[0]["reply"] == ["… it is"]
        assert entries(path)[0]["url"] == "https://h/v1"


async def test_a_question_with_an_image_is_replayed(tmp_path: Path) -> None:
    class Seeing:
        takes_images = True

        @classmethod
        async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
            yield "a dot"

    question = Mixed(["what is ", Picture(b"\x89PNG\r\n\x1a\n" + bytes(900), "image/png", "<dot>"), "?"])
    cassette = str(tmp_path / "c.jsonl")
    await Chat(provider=Seeing, record=cassette).ask(question)
    assert str(await Chat(record=cassette, replay=True).ask(question)) == "a dot"


async def test_a_new_question_is_recorded_after_all_that_were_asked_before_it(path: Path) -> None:
    chat = Chat(Counting().ask, record=path)
    for cell, prompt in (("a", "first"), ("b", "same"), ("a", "first"), ("c", "same")):
        turn = chat.begin(prompt, Anchor(cell, os.urandom(4).hex()), history=False)
        await chat.finish(turn)
    rewind()
    again = Chat(record=path, replay=True)
    replies = [str(await again.ask(prompt, history=False)) for prompt in ("first", "same", "same")]
    assert replies == ["reply 3 to first", "reply 2 to same", "reply 4 to same"]
