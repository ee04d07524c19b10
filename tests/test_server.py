"""The service as its users meet it: a process that the official client, ours and a hostile page talk to."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import aiohttp
import openai
import pytest
import pytest_asyncio

from ava_magic import AvaError, Chat, CodeLinkAva, transport
from ava_magic.connection import Connection, Key
from ava_magic.providers.base import FinishReason, ModelName, Reasoning, Refusal, Usage
from ava_magic.providers.openai_compatible import OpenAICompatible
from ava_magic.server import main

from .endpoint import Endpoint
from .service import serving, started

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
ASKED_BEFORE = "before it you asked: “{}”"
COMPLETIONS = "/v1/chat/completions"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with started() as (_, url):
        yield url


@pytest_asyncio.fixture(autouse=True)
async def no_session_left_open() -> AsyncIterator[None]:
    yield
    await transport.close()


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def official(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with official_client(f"{url}/v1") as client:
        yield client


def official_client(base_url: str, key: str = "not-needed") -> openai.AsyncOpenAI:
    http_client = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, http_client=http_client)


def events(body: str) -> list[Any]:
    """What the ``data:`` lines of a stream hold; the mark at its end stays a text."""
    lines = [line for line in body.split("\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    return [line[6:] if line == "data: [DONE]" else json.loads(line[6:]) for line in lines]


async def error_of(response: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and code of an error that has OpenAI's shape, and no more than that."""
    answer = await response.json()
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"message", "type", "code"}
    assert answer["error"]["message"]
    assert answer["error"]["type"]
    return response.status, answer["error"]["code"]


async def test_the_first_line_is_the_url_alone(url: str) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)


async def test_the_official_client_holds_a_streamed_conversation(official: openai.AsyncOpenAI) -> None:
    messages: list[Any] = []
    for question in ("what is a cassette?", "and how do I stop a reply?"):
        messages.append({"role": "user", "content": question})
        stream = await official.chat.completions.create(
            model="guide", messages=messages, stream=True, extra_body={"pace": 0}
        )
        chunks = [chunk async for chunk in stream]
        messages.append({"role": "assistant", "content": "".join(c.choices[0].delta.content or "" for c in chunks)})
        assert [c.choices[0].delta.role for c in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
        assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
        assert {(c.id, c.object, c.created, c.model) for c in chunks} == {
            (chunks[0].id, "chat.completion.chunk", chunks[0].created, "guide")
        }
        assert len(chunks) > 10
    assert "before it you asked" not in messages[1]["content"]
    assert ASKED_BEFORE.format("what is a cassette?") in messages[3]["content"]


async def test_the_official_client_gets_a_whole_reply(official: openai.AsyncOpenAI) -> None:
    reply = await official.chat.completions.create(model="guide", messages=HELLO, extra_body={"pace": 0})
    assert reply.object == "chat.completion"
    assert reply.id.startswith("chatcmpl-")
    assert reply.model == "guide"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.choices[0].message.role == "assistant"
    assert "I am the guide" in (reply.choices[0].message.content or "")


async def test_the_models_are_listed(official: openai.AsyncOpenAI, url: str) -> None:
    assert [model.id async for model in official.models.list()] == ["guide"]
    assert await OpenAICompatible.at(Connection(base_url=url)).list_models() == ["guide"]


async def test_a_model_that_is_listed_is_there(official: openai.AsyncOpenAI) -> None:
    assert await official.models.retrieve("guide") == (await official.models.list()).data[0]
    with pytest.raises(openai.NotFoundError, match="the model other/model is not listed here; guide is"):
        await official.models.retrieve("other/model")
    async with serving("guide", model="org/gpt") as url, official_client(f"{url}/v1") as client:
        assert (await client.models.retrieve("org/gpt")).id == "org/gpt"


async def test_code_link_ava_is_whole_again(url: str) -> None:
    provider = CodeLinkAva.at(Connection(base_url=url))
    messages: list[Any] = []
    for question in ("what is a cassette?", "and how do I stop a reply?"):
        messages.append({"role": "user", "content": question})
        deltas = [delta async for delta in provider.create_async_generator("", messages, pace=0)]
        assert len(deltas) > 10
        messages.append({"role": "assistant", "content": "".join(delta for delta in deltas if isinstance(delta, str))})
    assert ASKED_BEFORE.format("what is a cassette?") in messages[3]["content"]


@pytest.mark.parametrize("suffix", ["", "/v1"])
async def test_a_chat_takes_the_url_with_v1_and_without(url: str, suffix: str) -> None:
    chat = Chat(base_url=url + suffix, options={"pace": 0})
    await chat.ask("what is a cassette?")
    reply = await chat.ask("and then?")
    assert ASKED_BEFORE.format("what is a cassette?") in reply.text
    assert reply.model == "guide"
    assert reply.finish_reason == "stop"


async def test_everything_that_a_provider_yields_reaches_the_official_client() -> None:
    async def provider(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[Any, None]:
        yield ModelName("thinker-1")
        yield ""
        yield Reasoning("hm")
        yield f"{model} {messages[0]['content']} {fields}"
        yield Refusal("no more")
        yield FinishReason("length")
        yield Usage({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})

    async with serving(provider, model="thinker") as url, official_client(url) as client:
        asked: Any = {"model": "other", "messages": HELLO, "temperature": 0.5, "extra_body": {"top_k": 3}}
        whole = await client.chat.completions.create(**asked)
        stream = await client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]

    message = whole.choices[0].message
    assert message.content == "other hello {'temperature': 0.5, 'top_k': 3}"
    assert (message.refusal, message.model_extra) == ("no more", {"reasoning_content": "hm"})
    assert (whole.model, whole.choices[0].finish_reason) == ("thinker-1", "length")
    assert whole.usage is not None
    assert whole.usage.total_tokens == 7
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert deltas[0].model_extra == {"reasoning_content": "hm"}
    assert [delta.content for delta in deltas] == [None, message.content, None, None]
    assert [delta.refusal for delta in deltas] == [None, None, "no more", None]
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {chunk.model for chunk in chunks} == {"thinker-1"}


@pytest.mark.parametrize(
    ("given", "asked_for", "upstream"),
    [("", None, ""), ("", "mirror", ""), ("", "x", "x"), ("m", None, "m"), ("m", "", "m"), ("m", "x", "x")],
)
async def test_the_request_chooses_the_model_and_the_option_stands_in(
    session: aiohttp.ClientSession, given: str, asked_for: str | None, upstream: str
) -> None:
    async def mirror(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[str, None]:
        yield f"model={model}"

    async with serving(mirror, model=given) as url:
        async with session.post(url + COMPLETIONS, json={"messages": HELLO, "model": asked_for}) as response:
            answer = await response.json()
    assert answer["choices"][0]["message"]["content"] == f"model={upstream}"
    assert answer["model"] == (upstream or "mirror")


async def test_an_empty_reply_has_a_role_an_end_and_no_text(session: aiohttp.ClientSession) -> None:
    async def silent(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[str, None]:
        return
        yield ""

    async with serving(silent) as url:
        async with session.post(f"{url}/api/chat", json={"messages": HELLO}) as response:
            first, done = events(await response.text())
        async with session.post(f"{url}/api/chat", json={"messages": HELLO, "stream": False}) as response:
            whole = await response.json()
    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": "stop"}]
    assert done == "[DONE]"
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": ""}


async def test_a_stream_is_neither_cached_nor_held_back(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(f"{url}/api/chat", json={"messages": HELLO, "pace": 0}) as response:
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert not [name for name in response.headers if name.startswith("Access-Control")]
        assert events(await response.text())[-1] == "[DONE]"


@pytest.mark.parametrize("path", ["/api/chat", COMPLETIONS, "/chat/completions"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe{", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[]", "invalid_json"),
        (b"{}", "invalid_messages"),
        (b'{"messages": "hello"}', "invalid_messages"),
        (b'{"messages": []}', "invalid_messages"),
        (b'{"messages": ["hello"]}', "invalid_messages"),
        (b'{"messages": [{"content": "hello"}]}', "invalid_messages"),
        (b'{"messages": [{"role": "user"}]}', "invalid_messages"),
        (b'{"messages": [{"role": "user", "content": 7}]}', "invalid_messages"),
        (b'{"messages": [{"role": "user", "content": "a"}], "model": 7}', "invalid_model"),
        (b'{"messages": [{"role": "user", "content": "a"}], "stream": "yes"}', "invalid_stream"),
        (b'{"messages": [{"role": "user", "content": "a"}], "stream_options": []}', "invalid_stream_options"),
    ],
)
async def test_an_ill_formed_request_is_refused(
    session: aiohttp.ClientSession, url: str, path: str, body: bytes, code: str
) -> None:
    async with session.post(url + path, data=body) as response:
        assert await error_of(response) == (400, code)


async def test_a_body_too_large_is_refused(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(url + COMPLETIONS, data=io.BytesIO(b" " * (16 * 1024 * 1024 + 1))) as response:
        assert await error_of(response) == (413, "body_too_large")


async def test_an_unknown_path_and_a_wrong_method_are_refused(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(f"{url}/v2/models") as response:
        assert await error_of(response) == (404, "not_found")
    async with session.get(url + COMPLETIONS) as response:
        assert await error_of(response) == (405, "method_not_allowed")
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.1", "0.0.0.0", "[::1", ""])
async def test_a_host_that_is_not_this_machine_is_refused(session: aiohttp.ClientSession, url: str, host: str) -> None:
    async with session.get(f"{url}/v1/models", headers={"Host": host}) as response:
        assert await error_of(response) == (403, "forbidden_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8282"])
async def test_this_machine_has_many_names(session: aiohttp.ClientSession, url: str, host: str) -> None:
    async with session.get(f"{url}/v1/models", headers={"Host": host}) as response:
        assert response.status == 200


async def test_a_server_with_a_key_answers_to_any_name_and_to_the_key_alone(session: aiohttp.ClientSession) -> None:
    bound: dict[str, Any] = {"host": "Box.example", "key": Key("not-a-real-key", "AVA_SERVER_KEY")}
    async with serving("guide", **bound) as url:
        for host in ("box.EXAMPLE:80", "10.0.0.7", "any.name.example"):
            brought = {"Host": host, "Authorization": "Bearer not-a-real-key"}
            async with session.get(f"{url}/models", headers=brought) as response:
                assert response.status == 200
            async with session.get(f"{url}/models", headers={"Host": host}) as response:
                assert await error_of(response) == (401, "invalid_api_key")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://[", ""])
async def test_a_page_of_another_site_is_refused(session: aiohttp.ClientSession, url: str, origin: str) -> None:
    async with session.post(url + COMPLETIONS, json={"messages": HELLO}, headers={"Origin": origin}) as response:
        assert await error_of(response) == (403, "forbidden_origin")
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_a_page_of_this_machine_may_ask(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(f"{url}/v1/models", headers={"Origin": "http://localhost:8888"}) as response:
        assert response.status == 200
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "brought",
    [
        *("Bearer wrong", "Bearer not-a-real-key-", "Bearer not-a-real-ke", "Basic not-a-real-key", "not-a-real-key"),
        *("Bearer", "Bearer ", "", "Bearer n\u00f6t-a-real-key"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/nowhere"])
async def test_a_wrong_key_is_refused_before_anything_else(
    session: aiohttp.ClientSession, brought: str, path: str
) -> None:
    async with serving("guide", key=Key("not-a-real-key", "AVA_SERVER_KEY")) as url:
        async with session.get(url + path, headers={"Authorization": brought}) as response:
            assert await error_of(response) == (401, "invalid_api_key")
            assert "not-a-real-key" not in await response.text()
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_lets_every_client_in_that_sends_it() -> None:
    async with serving("guide", key=Key("not-a-real-key", "AVA_SERVER_KEY")) as url:
        assert (await Chat(base_url=url, api_key="not-a-real-key", options={"pace": 0}).ask("hello")).text
        with pytest.raises(AvaError) as caught:
            await Chat(base_url=url).ask("hello")
        assert caught.value.kind == "auth"
        async with official_client(f"{url}/v1", "not-a-real-key") as client:
            assert [model.id async for model in client.models.list()] == ["guide"]
        async with official_client(f"{url}/v1") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()


def test_it_has_a_command_of_its_own() -> None:
    """For ``uvx`` and ``pipx``, which run a package's commands and not its modules."""
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]
    assert resolve_name(project["scripts"]["ava-magic-server"]) is main


def test_beyond_this_machine_a_key_is_needed() -> None:
    command = [sys.executable, "-m", "ava_magic.server", "--port", "0", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "set AVA_SERVER_KEY" in done.stderr


async def test_with_a_key_from_the_environment_it_serves_beyond_this_machine(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVA_SERVER_KEY", "not-a-real-key")
    with started("--host", "0.0.0.0") as (_, url):
        assert url.startswith("http://127.0.0.1:")
        async with session.get(f"{url}/v1/models") as response:
            assert response.status == 401
        async with session.get(f"{url}/v1/models", headers={"Authorization": "Bearer not-a-real-key"}) as response:
            assert response.status == 200


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_magic.server._BODY_LASTS", 0.1)
    async with serving("guide") as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"}}")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "timeout"' in answer


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_no_page_is_given_leave_beforehand(session: aiohttp.ClientSession, url: str, method: str) -> None:
    asks = {"Origin": "http://localhost:8888", "Access-Control-Request-Method": "POST"}
    async with session.request(method, url + COMPLETIONS, headers=asks) as response:
        assert await error_of(response) == (405, "method_not_allowed")
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x00\xff\x01",
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/models HTTP/1.1\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_the_server_lives(
    session: aiohttp.ClientSession, url: str, request_: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(request_)
    writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read(12)
    writer.close()
    assert answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4", b"")
    async with session.get(f"{url}/v1/models") as response:
        assert response.status == 200


@pytest.mark.parametrize("first", [[], ["first"]], ids=["before its first word", "after its first word"])
async def test_a_hang_up_ends_the_generation(first: list[str]) -> None:
    waits, ended = asyncio.Event(), asyncio.Event()

    async def endless(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[str, None]:
        try:
            for text in first:
                yield text
            waits.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving(endless) as url, asyncio.timeout(5):
        asking = asyncio.ensure_future(CodeLinkAva.at(Connection(base_url=url)).create_async("", HELLO))
        await waits.wait()
        assert not ended.is_set()
        asking.cancel()
        await ended.wait()


async def test_a_provider_that_is_no_generator_is_closed_too() -> None:
    waits, closed = asyncio.Event(), asyncio.Event()

    class Endless:
        def __aiter__(self) -> Endless:
            return self

        async def __anext__(self) -> str:
            waits.set()
            await asyncio.Event().wait()
            return ""

        async def aclose(self) -> None:
            closed.set()

    async with serving(lambda model, messages, **fields: Endless()) as url, asyncio.timeout(5):
        asking = asyncio.ensure_future(CodeLinkAva.at(Connection(base_url=url)).create_async("", HELLO))
        await waits.wait()
        asking.cancel()
        await closed.wait()


async def test_a_reader_who_does_not_read_holds_the_generation_back(session: aiohttp.ClientSession) -> None:
    """What the provider is ahead by is no more than the buffers on the way, of which each has its bound."""
    ahead, whole = 0, 400

    async def eager(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[str, None]:
        nonlocal ahead
        for _ in range(whole):
            ahead += 1
            yield "x" * 256 * 1024

    async with serving(eager) as url:
        async with session.post(f"{url}/api/chat", json={"messages": HELLO}) as response:
            await response.content.readany()
            assert 0 < ahead < whole


@pytest.mark.parametrize(
    ("kind", "status"),
    [("auth", 401), ("rate_limit", 429), ("bad_request", 400), ("timeout", 504), ("server", 502), ("config", 502)],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_before_the_first_word_has_a_status(
    session: aiohttp.ClientSession, kind: Any, status: int, stream: bool
) -> None:
    async def failing(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[Any, None]:
        yield ModelName("m")
        raise AvaError("do this", kind)

    async with serving(failing) as url:
        async with session.post(url + COMPLETIONS, json={"messages": HELLO, "stream": stream}) as response:
            assert await error_of(response) == (status, kind)
            assert (await response.json())["error"]["message"] == "do this"


async def test_an_error_in_the_middle_is_told_in_the_stream_and_ends_it(session: aiohttp.ClientSession) -> None:
    async def failing(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[str, None]:
        yield "half a"
        raise AvaError("the rest is lost", "truncated")

    async with serving(failing) as url:
        async with session.post(f"{url}/api/chat", json={"messages": HELLO}) as response:
            first, last = events(await response.text())
        with pytest.raises(AvaError, match="the rest is lost") as caught:
            await Chat(base_url=url).ask("hello")
        async with official_client(url) as client:
            stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
            with pytest.raises(openai.APIError, match="the rest is lost"):
                assert [chunk.choices[0].delta.content async for chunk in stream]
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "half a"}
    assert last == {"error": {"message": "the rest is lost", "type": "server_error", "code": "truncated"}}
    assert caught.value.reply is not None
    assert caught.value.reply.text == "half a"


async def test_what_an_unknown_error_says_stays_in_the_log(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(model: str, messages: list[Any], **fields: Any) -> AsyncGenerator[str, None]:
        raise LookupError("no such drawer")
        yield ""

    async with serving(broken) as url, session.post(f"{url}/api/chat", json={"messages": HELLO}) as response:
        assert await error_of(response) == (502, "api")
        answer = await response.text()
    assert "LookupError" in answer
    assert "drawer" not in answer
    assert "Traceback" not in answer
    assert "no such drawer" in caplog.text


async def test_an_endpoint_is_asked_once_and_its_wait_is_passed_on(
    session: aiohttp.ClientSession, endpoint: Endpoint
) -> None:
    endpoint.answers(b'{"error": "slower"}', status=429, content_type="application/json", headers="Retry-After: 7\r\n")
    async with serving("openai", Connection(base_url=endpoint.url, retries=0)) as url:
        async with session.post(url + COMPLETIONS, json={"messages": HELLO}) as response:
            assert await error_of(response) == (429, "rate_limit")
            assert response.headers["Retry-After"] == "7"
            assert "slower" in await response.text()
    assert len(endpoint.requests) == 1


async def test_the_key_is_sent_on_and_never_back(session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": "xyzzy is no key"}', status=401, content_type="application/json")
    async with serving("openai", Connection(base_url=endpoint.url, key=Key("xyzzy"))) as url:
        async with session.post(url + COMPLETIONS, json={"messages": HELLO}) as response:
            assert await error_of(response) == (401, "auth")
            assert "xyzzy" not in await response.text()
    assert endpoint.requests[0].headers["authorization"] == "Bearer xyzzy"


async def test_a_plug_in_is_served_by_its_import_path(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "class Echo:\n"
        "    @classmethod\n"
        "    async def create_async_generator(cls, model, messages, **kwargs):\n"
        "        yield f'{model}: ' + messages[-1]['content']\n"
    )
    with started("--provider", "mine:Echo", "--model", "echo-1", cwd=tmp_path) as (_, url):
        assert (await Chat(base_url=url).ask("is anybody there?")).text == "echo-1: is anybody there?"
        assert await OpenAICompatible.at(Connection(base_url=url)).list_models() == ["echo-1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_well_even_in_the_middle_of_a_reply(
    session: aiohttp.ClientSession, number: signal.Signals
) -> None:
    with started() as (process, url):
        async with (
            asyncio.timeout(10),
            session.post(f"{url}/api/chat", json={"messages": HELLO, "pace": 99}) as response,
        ):
            await response.content.readany()
            process.send_signal(number)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
        assert process.wait(10) == 0
        assert process.communicate() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "{taken}"], "port {taken} is in use"),
        (["--port", "65536"], "65536"),
        (["--host", "256.0.0.1"], "256.0.0.1"),
        (["--provider", "gide"], "did you mean guide"),
    ],
)
def test_what_cannot_be_served_ends_with_one_line(url: str, arguments: list[str], says: str) -> None:
    taken = url.rpartition(":")[2]
    command = [sys.executable, "-m", "ava_magic.server", *(argument.format(taken=taken) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert says.format(taken=taken) in done.stderr
