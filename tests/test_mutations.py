"""Ten thousand damaged answers: each ends as a reply or as one line, and none hangs.

The first test hands the bytes to everything above the socket; the second serves whole answers, head and framing damaged
too, from a real one.  The seed is fixed: a number that fails once fails again.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

from ava_magic import AvaError, Chat, Reply, transport
from ava_magic.providers.base import Delta
from ava_magic.providers.chunks import read_deltas

MUTATIONS, SOCKETS = 10_000, 2_000
_VECTORS = json.loads((Path(__file__).parent / "vectors" / "chat_vectors.json").read_text("utf-8"))
_BODIES = [body for vector in _VECTORS if vector["status"] == 200 and (body := base64.b64decode(vector["body"]))]
_SPLINTERS = [
    *(b"null", b"[]", b"{}", b'""', b"0", b"-1", b"1e999", b"true", b"NaN", b'"', b",", b":", b"[", b"]", b"{", b"}"),
    *(b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"data: ", b"data:", b"event: error\n", b"error: ", b": x\n", b"[DONE]"),
    *(b"data: [DONE]\n\n", b"\0", b"\xff", b"\xf0\x9f", b"\xef\xbb\xbf", b"\\ud83d", b"\\", b"<", b'"error":'),
    *(b'"choices":', b'"delta":', b'"finish_reason":"stop"', b'"index":1,', b"[" * 5000, b"9" * 5000, b"x" * 70_000),
]


def damaged(chance: random.Random, body: bytes) -> bytes:
    """``body`` after one to three accidents."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.choice([0, 1, 2, 8, 64, 4096]))
        match chance.randrange(7):
            case 0:
                body = body[:start]
            case 1:
                body = body[:start] + body[end:]
            case 2:
                body = body[:start] + chance.choice(_SPLINTERS) + body[end:]
            case 3:
                body = body[:start] + body[start:end] * chance.randint(2, 9) + body[end:]
            case 4:
                body = body[:start] + chance.randbytes(end - start) + body[end:]
            case 5:
                body = body[:start] + bytes(byte ^ 1 << chance.randrange(8) for byte in body[start:end]) + body[end:]
            case _:
                other = chance.choice(_BODIES)
                body = body[:start] + other[chance.randrange(len(other)) :]
    return body


async def end_of(chat: Chat) -> str:
    """How a question ends: ``"reply"``, or the kind of its error.  Both can be shown and encoded."""
    reply: Reply | None
    failure: AvaError | None = None
    try:
        async with asyncio.timeout(30):
            reply = await chat.ask("hi", history=False)
    except AvaError as error:
        failure, reply = error, error.reply
    if reply is not None:
        (reply.text + reply.reasoning + reply.refusal + repr(reply)).encode()
    if failure is None:
        return "reply"
    assert failure.__cause__ is None, "this was another error first"
    assert len(str(failure).splitlines()) == 1
    str(failure).encode()
    return failure.kind


class _Served:
    """A provider for which the bytes have come already."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def create_async_generator(self, model: str, messages: list[Any], **_: Any) -> AsyncIterator[Delta]:
        return read_deltas(self._body())

    async def _body(self) -> AsyncGenerator[bytes, None]:
        for piece in self.pieces:
            yield piece


async def test_ten_thousand_damaged_streams_end_in_a_reply_or_in_one_line() -> None:
    chance = random.Random(20230601)
    ends: Counter[str] = Counter()
    for number in range(MUTATIONS):
        body = damaged(chance, chance.choice(_BODIES))
        step = chance.choice([1, 7, 100, 1460, 65_536]) if len(body) < 5000 else 4096
        served = _Served([body[start : start + step] for start in range(0, len(body), step)])
        try:
            ends[await end_of(Chat(provider=served.create_async_generator))] += 1
        except BaseException:  # which one it was is told
            print(f"mutation {number}: {body!r}")
            raise
    assert {"reply", "api", "protocol", "truncated"} <= set(ends)


def _framed(chance: random.Random, body: bytes) -> bytes:
    """A whole answer of HTTP, in one of the ways to tell where it ends."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    match chance.randrange(3):
        case 0:
            return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        case 1:
            return head + b"Connection: close\r\n\r\n" + body
        case _:
            half = len(body) // 2
            parts = (b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n\r\n"


async def test_damaged_answers_from_a_socket_end_in_a_reply_or_in_one_line() -> None:
    answers: dict[int, bytes] = {}
    ends: Counter[str] = Counter()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        answer = answers[int(request.split(b"/")[1])]
        half = len(answer) // 2
        writer.write(answer[:half])
        await asyncio.sleep(0)
        writer.write(answer[half:])
        writer.close()

    async def ask(number: int) -> None:
        try:
            ends[await end_of(Chat(base_url=f"http://127.0.0.1:{port}/{number}", retries=0, timeout=10.0))] += 1
        except BaseException:  # which one it was is told
            print(f"answer {number}: {answers[number]!r}")
            raise

    chance = random.Random(20230602)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for first in range(0, SOCKETS, 50):  # at once, since some of them wait to be sure of their end
            for number in range(first, first + 50):
                answers[number] = damaged(chance, _framed(chance, chance.choice(_BODIES)))
            async with asyncio.TaskGroup() as group:
                for number in range(first, first + 50):
                    group.create_task(ask(number))
    await transport.close()
    assert {"reply", "api", "protocol", "truncated"} <= set(ends)
