"""The library: a chat in a script, with no notebook near."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ava_magic import AsyncGeneratorProvider, AvaError, Chat, Reply
from ava_magic.conversation.chats import Chats
from ava_magic.providers.base import FinishReason, ModelName, Reasoning, Usage
from ava_magic.providers.presets import PRESETS, resolve

from .endpoint import Endpoint


async def echo(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[Any]:
    """A provider in three lines: says what it was sent."""
    yield f"{len(messages)}:"
    yield messages[-1]["content"]


class Words(AsyncGeneratorProvider):
    """A provider that tells more than content."""

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[Any]:
        yield ModelName("words-1")
        yield Reasoning("hm")
        yield "one"
        yield " two"
        yield Usage({"completion_tokens": 2})
        yield FinishReason("stop")


async def fails(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
    yield "half"
    raise KeyError("mine")


class Plain:
    """Nobody's subclass."""

    create_async_generator = staticmethod(echo)


class Fields(AsyncGeneratorProvider):
    """A provider that says which fields its request would have."""

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield f"{model} {len(messages)} "
        yield str(kwargs)


async def test_a_provider_alone_gives_the_whole_content() -> None:
    assert await Words.create_async("", []) == "one two"
    assert await Fields.create_async("m", [{"role": "user", "content": "hi"}], seed=1) == "m 1 {'seed': 1}"


async def test_ask_returns_the_whole_reply() -> None:
    reply = await Chat(provider=Words, system="be brief").ask("hi")
    assert isinstance(reply, Reply)
    assert str(reply) == "one two"
    assert (reply.model, reply.provider, reply.reasoning, reply.finish_reason) == ("words-1", "Words", "hm", "stop")
    assert reply.usage == {"completion_tokens": 2}
    assert [m["role"] for m in reply.messages] == ["system", "user"]
    assert not reply.partial
    assert reply.seconds >= 0


async def test_stream_yields_content_as_it_comes_and_keeps_the_turn() -> None:
    chat = Chat(provider=echo)
    assert [delta async for delta in chat.stream("a")] == ["1:", "a"]
    assert [delta async for delta in chat.stream("b")] == ["3:", "b"]
    assert [(e.prompt, e.reply) for e in chat.conversation] == [("a", "1:a"), ("b", "3:b")]


@pytest.mark.parametrize("provider", [echo, Plain, f"{__name__}:echo", f"{__name__}:Plain", f"{__name__}:Words"])
async def test_any_class_or_function_of_the_shape_is_a_provider(provider: Any) -> None:
    assert str(await Chat(provider=provider).ask("hi"))


@pytest.mark.parametrize("provider", ["no_such_module:X", f"{__name__}:missing", f"{__name__}:pytest", "gide"])
async def test_what_is_no_provider_is_told_in_one_line(provider: str) -> None:
    with pytest.raises(AvaError) as caught:
        Chat(provider=provider).begin("hi")
    assert caught.value.kind == "config"
    assert len(str(caught.value).splitlines()) == 1


async def test_a_failed_turn_leaves_no_trace_and_carries_what_had_come() -> None:
    chat = Chat(provider=fails)
    with pytest.raises(AvaError, match="KeyError") as caught:
        await chat.ask("hi")
    assert caught.value.reply is not None
    assert (caught.value.reply.text, caught.value.reply.partial) == ("half", True)
    assert isinstance(caught.value.__cause__, KeyError)
    assert not chat.conversation


async def test_an_empty_reply_says_so_and_is_not_kept() -> None:
    async def nothing(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield ""

    chat = Chat(provider=nothing)
    reply = await chat.ask("hi")
    assert "empty reply" in reply.footer()
    assert not chat.conversation


async def test_a_stopped_turn_is_kept_as_partial_and_closes_its_provider() -> None:
    closed = asyncio.Event()

    async def endless(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        try:
            while True:
                yield "word "
                await asyncio.sleep(0)
        finally:
            closed.set()

    chat = Chat(provider=endless)
    async with aclosing(chat.stream("hi")) as deltas:
        async for _ in deltas:
            break
    assert closed.is_set()
    assert chat.conversation[0].partial


async def test_a_cancelled_question_is_kept_as_partial() -> None:
    started = asyncio.Event()

    async def stalls(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield "half"
        started.set()
        await asyncio.Event().wait()

    chat = Chat(provider=stalls)
    task = asyncio.ensure_future(chat.ask("hi"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (chat.conversation[0].reply, chat.conversation[0].partial) == ("half", True)


async def test_what_does_not_fit_is_left_out_from_the_front_and_told() -> None:
    chat = Chat(provider=echo, context_tokens=60)
    for _ in range(6):
        reply = await chat.ask("x" * 20)
    assert reply.messages[-1]["content"] == "x" * 20
    assert len(reply.messages) % 2 == 1
    assert 1 < len(reply.messages) < 11
    assert "left out" in reply.footer()


async def test_a_turn_that_was_begun_outside_of_the_conversation_stays_outside() -> None:
    chat = Chat(provider=echo)
    await chat.ask("first")
    turn = chat.begin("alone", history=False)
    await chat.finish(turn)
    assert str(turn.reply()) == "1:alone"
    assert [exchange.prompt for exchange in chat.conversation] == ["first"]


async def test_settings_of_one_turn_do_not_stay() -> None:
    chat = Chat(provider=echo)
    assert (await chat.ask("hi", system="be brief")).messages[0]["role"] == "system"
    assert (await chat.ask("hi", history=False)).messages == ({"role": "user", "content": "hi"},)
    assert (await chat.ask("hi")).messages[0]["role"] == "user"


class TestWhichEndpoint:
    """What ``auto`` chooses."""

    @pytest.fixture(autouse=True)
    def no_server_is_probed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ava_magic.providers.presets._PROBED", ())

    def test_the_guide_when_nothing_is_set(self) -> None:
        assert resolve().name == "guide"

    def test_an_address_comes_before_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
        assert resolve().name == "openai"
        monkeypatch.setenv("AVA_BASE_URL", "http://127.0.0.1:5/v1")
        assert resolve().url == "http://127.0.0.1:5/v1"

    def test_keys_are_tried_in_the_order_of_the_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MISTRAL_API_KEY", "not-a-real-key")
        assert resolve().name == "mistral"
        monkeypatch.setenv("ANTHROPIC_API_KEY", "not-a-real-key")
        assert resolve().name == "anthropic"

    def test_openai_goes_where_its_own_variable_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
        monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.invalid/v1")
        assert resolve().url == "https://proxy.invalid/v1"

    def test_a_key_stays_with_its_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from ava_magic.connection import Connection

        monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
        elsewhere = resolve("openai", Connection(base_url="https://elsewhere.invalid/v1"))
        at_home = resolve("openai")
        assert elsewhere.ask.__self__.connection.key is None  # type: ignore[attr-defined]  # a provider's method
        assert at_home.ask.__self__.connection.key.reveal() == "not-a-real-key"  # type: ignore[attr-defined]  # as above

    def test_every_preset_is_reachable_by_name(self) -> None:
        for name, preset in PRESETS.items():
            endpoint = resolve(name)
            assert (endpoint.name, endpoint.url) == (name, preset.base_url)


def test_a_script_needs_no_ipython_and_has_nothing_to_close(endpoint: Endpoint) -> None:
    endpoint.says("fine")
    code = f"""
import asyncio, sys
from ava_magic import Chat
reply = asyncio.run(Chat(base_url={endpoint.url!r}).ask("what is this?"))
assert "IPython" not in sys.modules and "ipywidgets" not in sys.modules and "rich" not in sys.modules
print(reply)
"""
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("fine\n", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("base_url", 5), ("model", None), ("system", 5), ("provider", 5), ("record", 5), ("rerun", "again")],
        *[("options", 5), ("options", {1: 2}), ("temperature", "hot"), ("temperature", float("nan"))],
        *[("timeout", "x"), ("timeout", float("nan")), ("timeout", 0), ("timeout", True)],
        *[("max_tokens", 0), ("retries", -1), ("retries", 1.5), ("context_tokens", "many")],
    ],
)
async def test_a_setting_that_is_none_is_told_and_nothing_is_sent(endpoint: Endpoint, name: str, value: Any) -> None:
    chat = Chat(**{"base_url": endpoint.url, name: value})
    with pytest.raises(AvaError, match=f"^{name} must be ") as caught:
        await chat.ask("hi")
    assert (caught.value.kind, endpoint.requests) == ("config", [])


def test_a_key_that_is_no_text_is_told() -> None:
    with pytest.raises(AvaError, match="api_key holds"):
        Chat(api_key=5)  # type: ignore[arg-type]  # that is the case


async def test_a_format_that_is_none_is_told_as_every_setting() -> None:
    with pytest.raises(AvaError, match="format must be one of markdown, text, code") as caught:
        await Chat(provider=echo).ask("hi", format="poem", schema={})
    assert caught.value.kind == "config"


@pytest.mark.parametrize("prompt", ["", " \n", None, [], 5, ["a"]])
async def test_an_empty_question_is_not_sent(endpoint: Endpoint, prompt: Any) -> None:
    chat = Chat(base_url=endpoint.url)
    with pytest.raises(AvaError, match="nothing is asked"):
        await chat.ask(prompt)
    with pytest.raises(AvaError, match="nothing is asked"):
        await anext(chat.stream(prompt))
    assert endpoint.requests == []


@pytest.mark.parametrize("path", ["json:loads", "asyncio:open_connection"])
async def test_a_function_of_another_shape_is_no_provider(path: str) -> None:
    with pytest.raises(AvaError, match=f"{path.partition(':')[2]} is no provider") as caught:
        await Chat(path).ask("hi")
    assert caught.value.kind == "config"


def yields_at_once(model: str, messages: Any, **options: Any) -> Any:
    yield "hi"


def returns(model: str, messages: Any, **options: Any) -> Any:
    return "hi"


def returns_a_coroutine(model: str, messages: Any, **options: Any) -> Any:
    async def later() -> str:
        return "hi"

    return later()


@pytest.mark.parametrize("provider", [yields_at_once, returns, returns_a_coroutine])
async def test_a_function_that_does_not_yield_by_and_by_is_no_provider(provider: Any, tmp_path: Path) -> None:
    holder = type(provider.__name__, (), {"create_async_generator": staticmethod(provider)})
    for form, record in ((provider, ""), (holder, ""), (provider, tmp_path / "cassette.jsonl")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a coroutine that was never awaited
            with pytest.raises(
                AvaError, match=rf"{provider.__name__} is no provider: .* async def with yield"
            ) as caught:
                await Chat(form, record=record).ask("hi")
        assert caught.value.kind == "config"


async def test_a_provider_may_change_the_messages_that_it_is_given() -> None:
    async def tidy(model: str, messages: Any, **options: Any) -> Any:
        system = messages.pop(0)
        messages[0]["content"] += system["content"]
        yield messages[0]["content"]

    reply = await Chat(tidy, system="Be brief.").ask("hi")
    assert reply.text == "hiBe brief."
    assert reply.messages == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"})


async def test_an_error_that_cannot_say_what_it_is_about_is_told_by_its_name() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("it cannot")

    for error in (Mute(), AssertionError()):

        async def failing(model: str, messages: Any, failure: Any = error, **options: Any) -> Any:
            yield "half"
            raise failure

        with pytest.raises(AvaError, match=f"^the provider failing failed: {type(error).__name__}$") as caught:
            await Chat(failing).ask("hi")
        assert (caught.value.kind, str(caught.value.reply)) == ("api", "half")


async def test_a_plug_in_that_leaves_python_while_it_is_imported_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_script_that_ends.py").write_text("import sys\nsys.exit('no display')\n")
    with pytest.raises(AvaError, match="cannot be imported: SystemExit: no display") as caught:
        await Chat("a_script_that_ends:Class").ask("hi")
    assert caught.value.kind == "config"


async def test_a_reply_of_what_is_no_text_says_what_came_instead() -> None:
    async def raw(model: str, messages: Any, **options: Any) -> Any:
        yield b"hi"

    assert "empty reply: bytes came, which is no text" in (await Chat(raw).ask("hi")).footer()


class _Refusing:
    """The deltas of a reply that fails at once; ``seen`` is what has come of ``turn`` while it is hung up."""

    def __init__(self, turn: Any) -> None:
        self._turn = turn
        self.seen: list[Reply | None] = []

    def __aiter__(self) -> _Refusing:
        return self

    async def __anext__(self) -> str:
        raise AvaError("no", "server")

    async def aclose(self) -> None:
        self.seen.append(self._turn.what_came())


async def test_of_a_turn_that_fails_nothing_has_come_while_it_is_hung_up() -> None:
    chat = Chat(provider=echo)
    turn = chat.begin("hi")
    refusing = _Refusing(turn)
    turn.report(lambda model, messages, **fields: refusing)
    with pytest.raises(AvaError, match="no"):
        await chat.finish(turn)
    assert refusing.seen == [None]


async def test_a_question_that_is_stopped_while_it_waits_for_another_can_be_asked_again() -> None:
    chat = Chat(provider=echo)
    chat.line_up(Future())
    waiting = asyncio.ensure_future(chat.ask("hi"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    question = chat.conversation.last_question()
    assert question is not None
    assert question.prompt == "hi"


def test_two_threads_that_name_a_conversation_first_get_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    both = threading.Barrier(2)
    make = Chat.__init__

    def together(self: Chat, *arguments: Any, **options: Any) -> None:
        both.wait(20)
        make(self, *arguments, **options)

    monkeypatch.setattr(Chat, "__init__", together)
    chats = Chats(str(tmp_path))
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(chats.named, ["one", "one"])
    assert first is second
    assert (first.folder, first.conversation.name, first.spending) == (str(tmp_path), "one", chats.spending)
