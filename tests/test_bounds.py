"""What an endpoint that sends without end can make us hold: a process of its own asks, and tells what it took."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .endpoint import Endless, Endpoint, chunk

_STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(
    not _STATUS.exists(), reason="how much memory was in use at most is told by Linux alone"
)

MIB = 1024 * 1024
MOST = 128 * MIB
"""For an answer of 16 MiB: as bytes, as text, once more in the making; aiohttp before 3.14 unpacks 32 MiB at once."""

_ASK = """
import asyncio, json, re, sys
from pathlib import Path
from ava_magic import AvaError, Chat, transport

def peak():
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

async def main(url):
    await Chat(base_url=url).ask("hi")
    before = peak()
    try:
        await Chat(base_url=url, retries=0).ask("hi")
    except AvaError as error:
        print(json.dumps([error.kind, str(error), peak() - before]))
    await transport.close()

asyncio.run(main(sys.argv[1]))
"""


def taken_by(endpoint: Endpoint) -> tuple[str, str, int]:
    """The kind and the words of the error, and by how many bytes the process grew on the way to it."""
    command = [sys.executable, "-c", _ASK, endpoint.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    kind, words, grown = json.loads(done.stdout)
    return kind, words, grown


def bomb(piece: bytes, times: int) -> Iterator[bytes]:
    """``piece`` so many times, packed: each piece ends in a full flush, so that one packed piece can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield packer.compress(b"data: ") + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    yield packed * times


@pytest.mark.parametrize(
    ("steps", "headers"),
    [
        ([*bomb(b"x" * MIB, 600)], "Content-Encoding: gzip\r\n"),
        ([*bomb(b"\n" + chunk("x" * 1000) * 1000, 600)], "Content-Encoding: gzip\r\n"),
        ([b"data: ", Endless(b"x" * 65_536)], ""),
        ([b"data: \xf0\x9f\x99\x82", Endless(b"x" * 65_536)], ""),
        ([Endless(b"data: x\n" * 8_192)], ""),
        ([Endless(chunk("word ") * 500)], ""),
        ([Endless(b": still there\n\n" * 5_000)], ""),
        ([Endless(b"nonsense\n" * 5_000)], ""),
        ([b'{"choices": [', Endless(b"[],[]," * 10_000)], ""),
    ],
    ids=[
        *("a bomb of one line", "a bomb of chunks", "a line", "a line of wide characters", "an event", "chunks"),
        *("comments", "nonsense", "a document"),
    ],
)
def test_an_answer_without_end_is_given_up_and_takes_little_room(
    endpoint: Endpoint, steps: list[Any], headers: str
) -> None:
    endpoint.says("warm")
    endpoint.answers(*steps, headers=headers)
    kind, words, grown = taken_by(endpoint)
    assert kind == "too_large", words
    assert grown < MOST


@pytest.mark.parametrize(
    ("steps", "headers"),
    [([Endless(b"x" * 65_536)], ""), ([*bomb(b"x" * MIB, 600)], "Content-Encoding: gzip\r\n")],
    ids=["endless", "a bomb"],
)
def test_an_error_without_end_is_cut(endpoint: Endpoint, steps: list[Any], headers: str) -> None:
    endpoint.says("warm")
    endpoint.answers(*steps, status=500, headers=headers)
    kind, _, grown = taken_by(endpoint)
    assert kind == "server"
    assert grown < MOST


@pytest.mark.parametrize(
    "steps",
    [
        [b"HTTP/1.1 200 OK\r\nX: ", Endless(b"x" * 65_536)],
        [b"HTTP/1.1 200 OK\r\n", Endless(b"X: y\r\n" * 5_000)],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Endless(b"X: y\r\n" * 5_000)],
    ],
    ids=["one header", "headers", "trailers"],
)
def test_headers_without_end_are_given_up(endpoint: Endpoint, steps: list[Any]) -> None:
    endpoint.says("warm")
    endpoint.answers_raw(*steps)
    kind, words, grown = taken_by(endpoint)
    assert kind in ("protocol", "truncated"), words
    assert grown < 16 * MIB
