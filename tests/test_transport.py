"""The wire: every protocol case from a raw socket, and what the transport itself promises."""

from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ava_magic import AvaError, Chat, Reply, sessions, transport
from ava_magic.connection import Connection, Key
from ava_magic.providers.openai_compatible import OpenAICompatible

from .clock import put_forward
from .endpoint import END, HANG_UP, Endpoint, Gate, chunk
from .waiting import until

_VECTORS = json.loads((Path(__file__).parent / "vectors" / "chat_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", _VECTORS, ids=lambda vector: vector["name"])
@pytest.mark.parametrize("step", [None, 1], ids=["whole", "bytewise"])
async def test_every_protocol_case_ends_as_it_says(
    endpoint: Endpoint, vector: dict[str, Any], step: int | None
) -> None:
    body = base64.b64decode(vector["body"])
    step = step or max(1, len(body))
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    endpoint.answers(*pieces, status=vector["status"], content_type=vector["content_type"])
    expect = vector["expect"]
    chat = Chat(base_url=endpoint.url, retries=0)
    error: AvaError | None = None
    reply: Reply | None
    try:
        reply = await chat.ask("hi")
    except AvaError as failure:
        error, reply = failure, failure.reply
    assert (error.kind if error else None) == expect["error_kind"]
    assert (reply.text if reply else "") == expect["text"]
    assert expect.get("message_contains", "") in str(error)
    if error is None:
        assert reply is not None
        assert reply.finish_reason == expect["finish_reason"]
        assert reply.usage == expect["usage"]
        assert reply.reasoning == expect.get("reasoning", "")
        assert reply.refusal == expect.get("refusal", "")
        assert len(chat.conversation) == (1 if expect["text"] else 0)
    else:
        assert len(str(error).splitlines()) == 1
        assert not chat.conversation
    await transport.close()


async def _ask(endpoint: Endpoint, **settings: Any) -> str:
    try:
        return str(await Chat(base_url=endpoint.url, **settings).ask("hi"))
    finally:
        await transport.close()


async def test_a_retry_comes_before_the_first_byte_only(endpoint: Endpoint) -> None:
    endpoint.answers(status=503, headers="Retry-After: 0\r\n")
    endpoint.says("second try")
    assert await _ask(endpoint) == "second try"
    assert len(endpoint.requests) == 2


async def test_a_reply_that_broke_is_not_asked_for_again(endpoint: Endpoint) -> None:
    endpoint.answers("half", HANG_UP)
    endpoint.says("never asked")
    with pytest.raises(AvaError) as caught:
        await _ask(endpoint)
    assert caught.value.kind in ("truncated", "connection")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "bad_request"), (401, "auth"), (404, "bad_request"), (499, "bad_request"), (307, "protocol")],
)
async def test_what_asking_again_would_not_mend_is_not_asked_again(endpoint: Endpoint, status: int, kind: str) -> None:
    endpoint.answers(status=status, headers="Retry-After: 0\r\nLocation: http://127.0.0.1:9/elsewhere\r\n")
    with pytest.raises(AvaError) as caught:
        await _ask(endpoint)
    assert caught.value.kind == kind
    assert [request.method for request in endpoint.requests].count("POST") == 1  # a 404 asks for the list of models


async def test_retries_are_bounded(endpoint: Endpoint) -> None:
    endpoint.answers(status=429, headers="Retry-After: 0\r\n")
    with pytest.raises(AvaError) as caught:
        await _ask(endpoint, retries=2)
    assert caught.value.kind == "rate_limit"
    assert len(endpoint.requests) == 3


async def test_a_wait_longer_than_two_minutes_is_not_waited(endpoint: Endpoint) -> None:
    endpoint.answers(status=429, headers="Retry-After: 3600\r\n")
    with pytest.raises(AvaError):
        await _ask(endpoint)
    assert len(endpoint.requests) == 1


async def test_a_wait_is_told_and_can_be_stopped(endpoint: Endpoint) -> None:
    endpoint.answers(status=429, headers="Retry-After: 100\r\n")
    chat = Chat(base_url=endpoint.url)
    turn = chat.begin("hi")
    before = time.monotonic()

    async def run() -> None:
        async for _ in chat.run(turn):
            pass

    task = asyncio.ensure_future(run())
    await until(lambda: turn.waiting)
    assert turn.waiting is not None
    reason, over = turn.waiting
    assert "429" in reason
    assert before + 100 <= over <= time.monotonic() + 100
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await transport.close()


async def test_silence_is_a_timeout_and_keeps_what_had_come(endpoint: Endpoint) -> None:
    endpoint.answers("half", Gate())
    deltas = Chat(base_url=endpoint.url, timeout=60).stream("hi")
    assert await anext(deltas) == "half"
    put_forward(60)
    with pytest.raises(AvaError) as caught:
        await anext(deltas)
    await transport.close()
    assert caught.value.kind == "timeout"
    assert caught.value.reply is not None
    assert caught.value.reply.text == "half"


async def test_a_reply_of_any_encoding_is_read(endpoint: Endpoint) -> None:
    body = gzip.compress(chunk("packed") + END)
    endpoint.answers(body, headers=f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n")
    assert await _ask(endpoint) == "packed"


async def test_a_reply_past_the_limit_is_cut(endpoint: Endpoint) -> None:
    body = gzip.compress(chunk("x" * 100_000) * 100)
    endpoint.answers(body, headers=f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n")
    came = 0
    pieces = transport.stream(f"{endpoint.url}/x", {}, Connection(limit=1_000_000))
    with pytest.raises(AvaError) as caught:  # noqa: PT012 - what comes before is counted
        async for piece in pieces:
            came += len(piece)
    assert caught.value.kind == "too_large"
    assert came == 1_000_000
    await transport.close()


async def test_the_client_says_who_it_is_and_keeps_no_cookies(endpoint: Endpoint) -> None:
    endpoint.answers("ok", END, headers="Set-Cookie: a=b\r\n")
    await _ask(endpoint)
    await _ask(endpoint)
    assert endpoint.requests[1].headers["user-agent"].startswith("ava-magic/")
    assert "cookie" not in endpoint.requests[1].headers


async def test_a_key_goes_out_as_a_bearer_token(endpoint: Endpoint) -> None:
    endpoint.says("ok")
    await _ask(endpoint, api_key="not-a-real-key")
    assert endpoint.requests[0].headers["authorization"] == "Bearer not-a-real-key"


async def test_a_key_is_not_sent_over_plain_http_beyond_this_machine() -> None:
    with pytest.raises(AvaError, match="plain http"):
        await Chat(base_url="http://ava.invalid/v1", api_key="not-a-real-key").ask("hi")


@pytest.mark.parametrize("status", [401, 500])
async def test_no_error_shows_the_key(endpoint: Endpoint, status: int) -> None:
    endpoint.answers(b'{"error": "not-a-real-key is wrong"}', status=status, content_type="application/json")
    connection = Connection(key=Key("not-a-real-key"), retries=0)
    with pytest.raises(aiohttp.ClientResponseError) as caught:
        async for _ in transport.stream(f"{endpoint.url}/x", {}, connection):
            pass
    error: BaseException | None = caught.value
    while error is not None:
        assert "not-a-real-key" not in f"{error!r} {error} {vars(error)}"
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals["__name__"].startswith(("ava_magic", "aiohttp")):
                assert "not-a-real-key" not in repr(trace.tb_frame.f_locals)
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    await transport.close()


async def test_one_session_serves_a_loop_and_is_closed(endpoint: Endpoint) -> None:
    endpoint.says("ok")
    chat = Chat(base_url=endpoint.url)
    await chat.ask("one")
    session = await sessions.session()
    await chat.ask("two")
    assert (await sessions.session()) is session
    await transport.close()
    assert session.closed


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the loop's own, which closes no transport
def test_a_loop_that_was_just_closed_leaves_no_connection_open(endpoint: Endpoint) -> None:
    """A program that makes a loop for each question would run out of sockets, and hear of each at its end."""
    body = chunk("yes") + END
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    endpoint.answers_raw(head.encode() + body, Gate())
    chat, complaints = Chat(base_url=endpoint.url), []

    def ask() -> aiohttp.ClientSession:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
        loop.run_until_complete(chat.ask("hi"))
        session = loop.run_until_complete(sessions.session())
        loop.close()
        return session

    first = ask()
    last = ask()
    assert first.closed
    sessions.close_all()
    assert last.closed
    gc.collect()
    assert not complaints


async def test_a_stopped_reply_closes_its_connection(endpoint: Endpoint) -> None:
    endpoint.says("first", Gate())
    chat = Chat(base_url=endpoint.url)
    deltas = chat.stream("hi")
    assert await anext(deltas) == "first"
    await deltas.aclose()
    assert await asyncio.to_thread(endpoint.requests[0].hung_up.wait, 20)
    assert chat.conversation[0].partial
    await transport.close()


@pytest.mark.parametrize(
    "answer",
    [b"not-a-real-key, not HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: not-a-real-key\r\n\r\n"],
)
async def test_an_answer_that_is_no_http_shows_no_key(endpoint: Endpoint, answer: bytes) -> None:
    endpoint.answers_raw(answer, HANG_UP)
    provider = OpenAICompatible.at(Connection(base_url=endpoint.url, key=Key("not-a-real-key"), retries=0))
    with pytest.raises(aiohttp.ClientError) as caught:
        _ = [delta async for delta in provider.create_async_generator("m", [{"role": "user", "content": "hi"}])]
    assert "not-a-real-key" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
    await transport.close()


async def test_an_error_in_the_stream_that_quotes_the_key_is_blotted_out(endpoint: Endpoint) -> None:
    endpoint.answers("half", b'data: {"error": {"message": "not-a-real-key is no key"}}\n\n')
    with pytest.raises(AvaError, match="is no key") as caught:
        await _ask(endpoint, api_key="not-a-real-key")
    assert "not-a-real-key" not in str(caught.value)


async def test_a_list_of_models_of_any_size_is_read_whole(endpoint: Endpoint) -> None:
    names = [f"model-{number}" for number in range(20_000)]
    body = json.dumps({"data": [{"id": name} for name in names]}).encode()
    endpoint.answers(body[:100_000], body[100_000:], content_type="application/json")
    assert await OpenAICompatible.at(Connection(base_url=endpoint.url)).list_models() == names
    await transport.close()
