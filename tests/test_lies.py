"""Endpoints that break HTTP itself: what had come is kept, the user reads one line, and no key is in it."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.compression_utils import HAS_BROTLI, HAS_ZSTD

from ava_magic import AvaError, Chat, Reply, transport

from .endpoint import END, HANG_UP, Endpoint, Gate, chunk

KEY = "not-a-real-key"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CLOSED = OK + b"Connection: close\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD, STOP = chunk("good"), chunk(finish_reason="stop")


def framed(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


async def ask(endpoint: Endpoint, **settings: Any) -> tuple[str, str, str]:
    """How a question ends (``"reply"`` or a kind), what had come, and the words of the error."""
    chat = Chat(base_url=endpoint.url, api_key=KEY, **{"retries": 0, **settings})
    async with asyncio.timeout(20):
        (end,) = await asyncio.gather(chat.ask("hi"), return_exceptions=True)
    await transport.close()
    if isinstance(end, Reply):
        return "reply", end.text, ""
    assert isinstance(end, AvaError)
    assert end.__cause__ is None
    assert KEY not in f"{end!r} {end.args} {end.__context__!r}"
    assert len(str(end).splitlines()) == 1
    return end.kind, end.reply.text if end.reply else "", str(end)


@pytest.mark.parametrize(
    ("steps", "kind", "text"),
    [
        ([OK + b"Content-Length: 9999\r\n\r\n" + GOOD], "truncated", "good"),
        ([OK + b"Content-Length: 9999\r\n\r\n" + GOOD, HANG_UP], "truncated", "good"),
        ([CLOSED + GOOD], "truncated", "good"),
        ([CLOSED + GOOD, HANG_UP], "truncated", "good"),
        ([CHUNKED + framed(GOOD)], "truncated", "good"),
        ([CHUNKED + framed(GOOD), HANG_UP], "truncated", "good"),
        ([CHUNKED, framed(GOOD) + b"20\r\nshort"], "truncated", "good"),
        ([CHUNKED + framed(GOOD, STOP)], "reply", "good"),
        ([CHUNKED + framed(GOOD, STOP), HANG_UP], "reply", "good"),
        ([CHUNKED + framed(GOOD + END), HANG_UP], "reply", "good"),
        ([OK + b"Content-Length: 99999\r\n\r\n" + GOOD + END], "reply", "good"),
    ],
)
async def test_a_cut_keeps_what_had_come_and_takes_nothing_from_a_whole_reply(
    endpoint: Endpoint, steps: list[Any], kind: str, text: str
) -> None:
    endpoint.answers_raw(*steps)
    assert (await ask(endpoint))[:2] == (kind, text)


@pytest.mark.parametrize("end", [[HANG_UP], [b"zz\r\n"], []], ids=["a reset", "a broken chunk", "an early end"])
async def test_a_reader_who_is_slow_loses_nothing_to_the_end_of_the_connection(endpoint: Endpoint, end: Any) -> None:
    """What came while nobody was reading stands before the error, though aiohttp has known of that since."""
    first_is_read = Gate()
    endpoint.answers_raw(CHUNKED + framed(chunk("first, ")), first_is_read, framed(GOOD), *end)
    stream = Chat(base_url=endpoint.url).stream("hi")
    assert await anext(stream) == "first, "
    first_is_read.open()
    assert await asyncio.to_thread(endpoint.requests[0].played.wait, 20)
    for _ in range(10):
        await asyncio.sleep(0)  # what has been sent is taken in by the next turns of the loop
    with pytest.raises(AvaError) as caught:
        _ = [delta async for delta in stream]
    assert caught.value.kind == "truncated"
    assert caught.value.reply is not None
    assert caught.value.reply.text == "first, good"
    await transport.close()


async def test_a_broken_chunk_loses_nothing_that_came_with_it_and_does_not_hang(endpoint: Endpoint) -> None:
    """aiohttp hangs up then, and leaves the reader of the body waiting without a timeout."""
    first_is_read = Gate()
    endpoint.answers_raw(CHUNKED + framed(chunk("first, ")), first_is_read, framed(GOOD) + b"zz\r\n", Gate())
    stream = Chat(base_url=endpoint.url).stream("hi")
    assert await anext(stream) == "first, "
    first_is_read.open()
    with pytest.raises(AvaError) as caught:
        async with asyncio.timeout(20):
            _ = [delta async for delta in stream]
    assert caught.value.kind == "truncated"
    assert caught.value.reply is not None
    assert caught.value.reply.text == "first, good"
    await transport.close()


@pytest.mark.parametrize(
    "answer",
    [
        *(b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example ESMTP\r\n", b"-ERR unknown command\r\n", b"hello\r\n"),
        *(b"\x15\x03\x01\x00\x02\x02\x46", b"\x00\x00\x12\x04" + b"\0" * 14, b"\0" * 1000, b"HTTP/2 200\r\n\r\n"),
        *(b"HTTP/1.1 99999 X\r\n\r\n", b"HTTP/1.1 20 X\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n"),
        *(OK + b"Content-Length: -5\r\n\r\n" + GOOD, OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + GOOD),
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + framed(GOOD + END) + b"0\r\n\r\n",
        *(OK + b"hello\r\n\r\n" + GOOD + END, OK + b"X: a\0b\r\n\r\n" + GOOD + END, CHUNKED + b"zz\r\n" + GOOD + END),
    ],
)
async def test_what_is_no_http_is_told_as_that(endpoint: Endpoint, answer: bytes) -> None:
    endpoint.answers_raw(answer, HANG_UP)
    kind, text, words = await ask(endpoint)
    assert (kind, text) in [("protocol", ""), ("connection", "")]
    assert "?" in words or ";" in words  # something to do


@pytest.mark.parametrize("steps", [[], [HANG_UP], [b"HTTP/1.1 100 Continue\r\n\r\n"], [b"HTTP/1.1 2"]])
async def test_a_server_that_hangs_up_without_an_answer_is_told_as_that(endpoint: Endpoint, steps: list[Any]) -> None:
    endpoint.answers_raw(*steps)
    kind, _, words = await ask(endpoint)
    assert kind == "connection"
    assert "hung up without an answer" in words


@pytest.mark.parametrize("status", [101, 204, 300, 302, 304, 308])
async def test_a_status_that_carries_no_reply_is_told(endpoint: Endpoint, status: int) -> None:
    endpoint.answers_raw(b"HTTP/1.1 %d Other\r\nContent-Length: 0\r\n\r\n" % status)
    kind, _, words = await ask(endpoint)
    assert kind == "protocol"
    assert f"answered {status} Other" in words


async def test_a_redirect_is_told_and_not_followed(endpoint: Endpoint) -> None:
    location = f"{endpoint.url}/elsewhere?key={KEY}\x1b[2J".encode()
    endpoint.answers_raw(b"HTTP/1.1 307 Moved\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    kind, _, words = await ask(endpoint, retries=2)
    assert kind == "protocol"
    assert f"It points to {endpoint.url}/elsewhere?key=\u2026" in words
    assert "\x1b" not in words
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        f"HTTP/1.1 401 Bearer {KEY}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 500 X\r\nX-Echo: Bearer {KEY}\r\nContent-Length: {len(KEY)}\r\n\r\n{KEY}",
        f"HTTP/1.1 429 X\r\nRetry-After: {KEY}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Encoding: {KEY}\r\nConnection: close\r\n\r\n{KEY}",
        f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n",
        f'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: "{KEY}"\n\n',
        f"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nerror: {KEY}\n\n",
        f'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{{"oops": "{KEY}"}}',
    ],
)
async def test_a_key_that_is_sent_back_is_in_no_error(endpoint: Endpoint, answer: str) -> None:
    endpoint.answers_raw(answer.encode())
    assert (await ask(endpoint))[0] != "reply"


def _brotli(body: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(body))


def _zstd(body: bytes) -> bytes:
    from backports import zstd  # in the standard library from Python 3.14 on

    return bytes(zstd.compress(body))


def _bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", _bare_deflate),
    "brotli": ("br", _brotli),
    "zstd": ("zstd", _zstd),
    "none": ("identity", bytes),
}


@pytest.mark.parametrize("name", PACKED)
async def test_a_packed_reply_is_read_if_it_is_what_was_offered(endpoint: Endpoint, name: str) -> None:
    encoding, pack = PACKED[name]
    if (encoding == "br" and not HAS_BROTLI) or (encoding == "zstd" and not HAS_ZSTD):
        pytest.skip(f"aiohttp finds no {name} here")
    body = pack(chunk("Gr\u00fc\u00dfe ") + chunk("packed") + END)
    endpoint.answers(*(body[at : at + 1] for at in range(len(body))), headers=f"Content-Encoding: {encoding}\r\n")
    assert await ask(endpoint) == ("reply", "Gr\u00fc\u00dfe packed", "")
    offered = endpoint.requests[0].headers["accept-encoding"].split(", ")
    assert encoding in (*offered, "identity")
    assert ("br" in offered, "zstd" in offered) == (HAS_BROTLI, HAS_ZSTD)


async def test_a_packed_reply_in_two_members_is_whole_or_told_to_be_cut(endpoint: Endpoint) -> None:
    """aiohttp before 3.14 reads the first alone."""
    endpoint.answers(gzip.compress(GOOD) + gzip.compress(END), headers="Content-Encoding: gzip\r\n")
    assert (await ask(endpoint))[:2] in [("reply", "good"), ("truncated", "good")]


async def test_a_delta_is_unpacked_as_soon_as_it_has_come(endpoint: Endpoint) -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(GOOD) + packer.flush(zlib.Z_SYNC_FLUSH)
    endpoint.answers(first, Gate(), headers="Content-Encoding: gzip\r\n")
    stream = Chat(base_url=endpoint.url).stream("hi")
    async with asyncio.timeout(10):
        assert await anext(stream) == "good"
    await stream.aclose()
    await transport.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_reply_that_is_not_packed_as_it_says_is_told(endpoint: Endpoint, encoding: str) -> None:
    endpoint.answers(GOOD + END, headers=f"Content-Encoding: {encoding}\r\n")
    kind, _, words = await ask(endpoint)
    assert kind == "protocol"
    assert "not compressed the way that it says" in words


async def test_a_packed_reply_that_is_cut_keeps_what_had_come(endpoint: Endpoint) -> None:
    packer = zlib.compressobj(wbits=31)
    endpoint.answers(packer.compress(GOOD) + packer.flush(zlib.Z_SYNC_FLUSH), headers="Content-Encoding: gzip\r\n")
    assert (await ask(endpoint))[:2] == ("truncated", "good")
