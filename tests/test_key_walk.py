"""After every kind of failure, everything that a user, a log or a file could see is walked for the key."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
import pickle
import secrets
import socket
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ava_magic import AvaError, Chat, transport
from ava_magic.connection import Connection, Key
from ava_magic.providers.openai_compatible import OpenAICompatible

from .endpoint import HANG_UP, Endpoint, Gate

_TESTS = str(Path(__file__).parent)


class Secret:
    """A key that this file's own frames do not show either."""

    def __init__(self) -> None:
        value = secrets.token_hex(16)
        self.read: Callable[[], str] = lambda: value

    def is_in(self, text: str | bytes) -> bool:
        """Whether ``text`` holds the key, or half of it."""
        words = text.decode("latin-1") if isinstance(text, bytes) else text
        return any(part in words for part in (self.read()[:16], self.read()[16:]))


@dataclass
class Case:
    """A way to fail: what the endpoint does, and the kinds of error that may come of it."""

    play: Callable[[Endpoint, str], Any]
    kinds: tuple[str, ...]


def _refuses(status: int) -> Callable[[Endpoint, str], None]:
    def play(endpoint: Endpoint, key: str) -> None:
        body = json.dumps({"error": {"message": f"no: Bearer {key}", "key": key}}).encode()
        endpoint.answers(body, status=status, content_type="application/json", headers=_echo(key))

    return play


def _says(*steps: Any, **answer: Any) -> Callable[[Endpoint, str], None]:
    """An answer with ``KEY`` in it, and in its headers."""

    def play(endpoint: Endpoint, key: str) -> None:
        filled = [step.replace(b"KEY", key.encode()) if isinstance(step, bytes) else step for step in steps]
        endpoint.answers(*filled, **{"headers": _echo(key), **answer})

    return play


def _echo(key: str) -> str:
    return f"X-Echo: Bearer {key}\r\nLocation: http://127.0.0.1:9/?key={key}\r\nRetry-After: 0\r\n"


def _raw(answer: bytes) -> Callable[[Endpoint, str], None]:
    return lambda endpoint, key: endpoint.answers_raw(answer.replace(b"KEY", key.encode()))


def _stalls(*words: str) -> Callable[[Endpoint, str], Gate]:
    def play(endpoint: Endpoint, key: str) -> Gate:
        gate = Gate()
        endpoint.answers(*words, gate)
        return gate

    return play


CASES = {
    **{f"status {status}": Case(_refuses(status), kinds) for status, kinds in (
        (400, ("bad_request",)), (401, ("auth",)), (403, ("auth",)), (404, ("bad_request",)),
        (429, ("rate_limit",)), (500, ("server",)), (503, ("server",)), (307, ("protocol",)),
    )},
    "reason phrase": Case(_raw(b"HTTP/1.1 500 KEY\r\n\r\n"), ("server",)),
    "web page": Case(_says(b"<html>KEY</html>", status=200, content_type="text/html"), ("protocol",)),
    "bad JSON": Case(_says(b'{"choices": KEY', content_type="application/json"), ("protocol", "truncated")),
    "broken event": Case(_says("half", b"data: {KEY\n\n"), ("protocol",)),
    "error in the stream": Case(_says("half", b'data: {"error": {"message": "KEY is bad"}}\n\n'), ("api",)),
    "cut stream": Case(_says("half", HANG_UP), ("connection", "truncated")),
    "short stream": Case(_says("half"), ("truncated",)),
    "broken gzip": Case(
        _says(gzip.compress(b"x" * 100)[:10] + b"KEY", headers="Content-Encoding: gzip\r\n"), ("protocol", "truncated")
    ),
    "not HTTP": Case(_raw(b"SSH-2.0-KEY\r\n\r\n"), ("protocol", "connection")),
    "broken header": Case(_raw(b"HTTP/1.1 200 OK\r\nKEY\x00: KEY\r\n\r\n"), ("protocol", "connection")),
    "broken chunk": Case(
        _raw(b"HTTP/1.1 200 OK\r\nX-Echo: KEY\r\nTransfer-Encoding: chunked\r\n\r\nKEY\r\n"),
        ("protocol", "connection", "truncated"),
    ),
    "short of its length": Case(
        _raw(b"HTTP/1.1 200 OK\r\nX-Echo: KEY\r\nContent-Length: 9999\r\n\r\ndata: {KEY"), ("truncated", "connection")
    ),
    "no answer": Case(_says(HANG_UP), ("connection", "protocol", "truncated")),
    "silence": Case(_stalls(), ("timeout",)),
    "silence in the middle": Case(_stalls("half"), ("timeout",)),
}  # fmt: skip


@pytest.fixture
def secret() -> Secret:
    return Secret()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """Everything that anybody logs, at DEBUG, with what a formatter shows of an exception."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    names = ["", "asyncio", *(f"aiohttp.{name}" for name in ("access", "client", "internal", "server", "web"))]
    caplog.set_level(logging.DEBUG)
    for name in names:
        caplog.set_level(logging.DEBUG, name)
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def seen_in(error: BaseException) -> Iterator[str]:
    """All that can be seen of an error and of those before it: words, attributes, frames with their values."""
    links = [error]
    for link in links:
        links += [other for other in (link.__cause__, link.__context__) if other is not None and other not in links]
        yield from (repr(link), str(link), repr(link.args), repr(vars(link)), repr(getattr(link, "__notes__", "")))
        if render := getattr(link, "_render_traceback_", None):
            yield from render()
        for frame in traceback.TracebackException.from_exception(link, capture_locals=True).stack:
            if not frame.filename.startswith(_TESTS):
                yield f"{frame.filename}:{frame.lineno} {frame.name} {frame.locals}"


def seen_of(thing: Any) -> Iterator[str]:
    yield from (repr(thing), str(thing), repr(getattr(thing, "__dict__", "")))
    with suppress(TypeError, pickle.PicklingError):  # a key is not pickled, so neither is what holds one
        yield pickle.dumps(thing).decode("latin-1")


def assert_no_leak(secret: Secret, things: list[Any], error: BaseException | None = None) -> None:
    seen = [words for thing in things if thing is not None for words in seen_of(thing)]
    seen += list(seen_in(error)) if error is not None else []
    assert len(seen) > 3
    leaks = [words[max(0, words.find(secret.read()[:16]) - 300) :][:400] for words in seen if secret.is_in(words)]
    assert not leaks


def test_the_walk_finds_a_key_wherever_it_is_left(secret: Secret) -> None:
    error = ValueError("no")
    for place in (
        ValueError(secret.read()),
        _with(ValueError(), words=secret.read()),
        _with(error, __notes__=[secret.read()]),
    ):
        with pytest.raises(AssertionError):
            assert_no_leak(secret, [], place)
    outer = ValueError("outer")
    outer.__context__ = ValueError(secret.read())
    with pytest.raises(AssertionError):
        assert_no_leak(secret, [], outer)
    with pytest.raises(AssertionError):
        assert_no_leak(secret, [{"kept": secret.read()}])


def _with(error: Exception, **attributes: Any) -> Exception:
    vars(error).update(attributes)
    return error


@pytest.mark.parametrize("name", CASES)
async def test_no_failure_shows_the_key(name: str, endpoint: Endpoint, secret: Secret, log: io.StringIO) -> None:
    asyncio.get_running_loop().set_debug(True)
    CASES[name].play(endpoint, secret.read())
    timeout = 0.2 if name.startswith("silence") else 20
    chat = Chat(base_url=endpoint.url, api_key=secret.read(), retries=1, timeout=timeout)
    with pytest.raises(AvaError) as caught:
        await chat.ask("hi")
    assert caught.value.kind in CASES[name].kinds
    assert endpoint.requests[0].headers["authorization"] == f"Bearer {secret.read()}"
    things = [caught.value, caught.value.reply, chat, chat.settings, chat.conversation, chat.begin("again")]
    assert_no_leak(secret, things, caught.value)
    await transport.close()
    assert not secret.is_in(log.getvalue())


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("silence")])
async def test_what_the_provider_itself_raises_shows_no_key(name: str, endpoint: Endpoint, secret: Secret) -> None:
    CASES[name].play(endpoint, secret.read())
    provider = OpenAICompatible.at(Connection(endpoint.url, Key(secret.read()), retries=0))
    for ask in (lambda: provider.create_async("", []), provider.list_models):
        with pytest.raises((AvaError, aiohttp.ClientError)) as caught:
            await ask()
        assert_no_leak(secret, [caught.value, provider, provider.connection], caught.value)
    await transport.close()


@pytest.mark.parametrize(
    ("ends", "words"),
    [("cancelled", ()), ("cancelled", ("half",)), ("timed out", ()), ("timed out", ("half",)), ("left", ("half",))],
)
async def test_an_interruption_shows_no_key(
    ends: str, words: tuple[str, ...], endpoint: Endpoint, secret: Secret
) -> None:
    gate = _stalls(*words)(endpoint, "") if words else None
    if gate is None:
        gate = Gate()
        endpoint.answers_raw(gate)
    chat = Chat(base_url=endpoint.url, api_key=secret.read())

    async def ask() -> None:
        async with aclosing(chat.stream("hi")) as deltas:
            async for _ in deltas:
                if ends == "left":
                    raise EOFError

    task = asyncio.ensure_future(ask())
    assert await asyncio.to_thread(gate.reached.wait, 20)
    if ends == "cancelled":
        task.cancel()
    elif ends == "timed out":
        task = asyncio.ensure_future(asyncio.wait_for(task, 0.01))
    with pytest.raises((asyncio.CancelledError, TimeoutError, EOFError)) as caught:
        await task
    assert_no_leak(secret, [chat, *chat.conversation], caught.value)
    await transport.close()


async def test_an_endpoint_that_is_not_there_shows_no_key(secret: Secret) -> None:
    no_tls = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    https = f"https://127.0.0.1:{no_tls.sockets[0].getsockname()[1]}/v1"
    with socket.socket() as deaf:  # it has a port, which nobody else can take meanwhile, and listens to nobody
        deaf.bind(("127.0.0.1", 0))
        for url in (f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", https, "https://no.such.host.invalid/v1"):
            chat = Chat(base_url=url, api_key=secret.read(), retries=0)
            with pytest.raises(AvaError) as caught:
                await chat.ask("hi")
            assert caught.value.kind == "connection"
            assert_no_leak(secret, [chat], caught.value)
    no_tls.close()
    await transport.close()


async def test_a_key_that_is_not_sent_is_not_shown(secret: Secret) -> None:
    chat = Chat(base_url="http://example.org/v1", api_key=secret.read())
    with pytest.raises(AvaError, match="over plain http") as caught:
        await chat.ask("hi")
    assert_no_leak(secret, [chat], caught.value)
    await transport.close()


@pytest.mark.parametrize("flaw", ["\n", " ", "\r\n", "\x00", "\u00e9", "\u200b", "\t"])
def test_a_key_that_is_refused_is_not_shown(flaw: str, secret: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        return secret.read()[:16] + flaw + secret.read()[16:]

    with pytest.raises(AvaError, match="no key has") as caught:
        Chat(api_key=broken())
    assert caught.value.kind == "config"
    assert_no_leak(secret, [], caught.value)
    if flaw == "\x00":
        return  # no environment holds it
    monkeypatch.setenv("OPENAI_API_KEY", broken())
    with pytest.raises(AvaError, match="OPENAI_API_KEY holds a space, a line break") as caught:
        Chat(provider="openai").begin("hi")
    assert_no_leak(secret, [], caught.value)


async def test_what_a_plug_in_says_shows_no_key_of_the_environment(
    secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEBODYS_API_KEY", secret.read())

    def fail() -> None:
        raise KeyError(f"Bearer {secret.read()}")

    async def plug_in(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield "half"
        try:
            fail()
        except KeyError as error:
            raise ValueError(f"asked with {secret.read()}") from error

    with pytest.raises(AvaError, match="ValueError: asked with …") as caught:
        await Chat(provider=plug_in).ask("hi")
    assert isinstance(caught.value.__cause__, ValueError)
    assert_no_leak(secret, [caught.value.reply], caught.value)


def test_a_key_is_neither_shown_nor_pickled_nor_copied(secret: Secret) -> None:
    key = Key(secret.read(), "OPENAI_API_KEY")
    assert repr(key) == f"{key}" == "<Key OPENAI_API_KEY>"
    assert key.reveal() == secret.read()
    assert_no_leak(secret, [key, Connection(key=key), Connection(typed_keys={("https", "host", 1): key})])
    with pytest.raises(TypeError):
        pickle.dumps(Connection(key=key))
