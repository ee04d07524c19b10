"""How much of a fast endpoint's stream gets through, for one reply and for many at once: words, waiting and room."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ava_magic import Chat, transport

from .server import serving
from .table import Row
from .timing import Comparison, compare, wanted

__all__ = ["throughput"]

_ROUNDS = 5
_TOKENS = 10_000  # in all streams together
_STREAMS = (1, 10, 100)
_PROMISED = ("openai", 100)
_PROMISE = 3
_STATUS = Path("/proc/self/status")

_Read = Callable[[int], Awaitable[tuple[int, float]]]
"""Reads a stream of so many tokens to its end; returns how many came, and after how many seconds the first."""


def throughput() -> Iterator[Row]:
    """loopback: Chat against openai.AsyncOpenAI and httpx-sse; tokens a second, first token, memory of the process"""
    with serving() as url:
        for name in ("openai", "httpx_sse"):
            if wanted(name) is None:
                yield Row(f"skipped: {name} is not installed")
                continue
            for streams in _STREAMS:
                yield from _rows(url, name, streams)


def _rows(url: str, name: str, streams: int) -> Iterator[Row]:
    firsts: dict[str, list[float]] = defaultdict(list)
    with asyncio.Runner() as runner:
        measures = [lambda who=who: _seconds(runner, url, who, streams, firsts[who]) for who in ("ava_magic", name)]
        taken = compare(_ROUNDS, *measures)
    yield _speed(name, streams, taken)
    ours, theirs = (1e3 * median(firsts[who]) for who in ("ava_magic", name))
    yield Row("  first token, median", f"{ours:.1f} ms", f"{theirs:.1f} ms", f"{ours / theirs:.2f}")
    if _STATUS.exists():
        ours, theirs = (_grown(url, who, streams) for who in ("ava_magic", name))
        yield Row("  memory, beyond one token's", f"{ours:.1f} MB", f"{theirs:.1f} MB")


def _speed(name: str, streams: int, taken: Comparison) -> Row:
    times = 1 / taken.ratio
    what = f"{name}: {streams} stream{'' if streams == 1 else 's'} of {_TOKENS // streams:,} tokens"
    figures = f"{_TOKENS / taken.ours:,.0f}/s", f"{_TOKENS / taken.theirs:,.0f}/s", f"x{times:.1f}"
    if (name, streams) != _PROMISED:
        return Row(what, *figures)
    return Row(what, *figures, f">= x{_PROMISE}", times >= _PROMISE)


def _seconds(runner: asyncio.Runner, url: str, who: str, streams: int, firsts: list[float]) -> float:
    """How long it takes to read the tokens in that many streams, all at once; notes when each one's first came."""

    async def work() -> float:
        async with _READERS[who](url) as read:
            await read(1)  # what is loaded and connected on first use is there
            started = time.perf_counter()
            firsts.extend(await _all_at_once(read, streams))
            return time.perf_counter() - started

    return runner.run(work())


async def _all_at_once(read: _Read, streams: int) -> list[float]:
    tokens = _TOKENS // streams
    came = await asyncio.gather(*(read(tokens) for _ in range(streams)))
    assert [count for count, _ in came] == [tokens] * streams
    return [first for _, first in came]


def _grown(url: str, who: str, streams: int) -> float:
    """By how many megabytes a process of its own grows over that many streams, when it has read one token before."""
    command = [sys.executable, "-m", __name__, url, who, str(streams)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


async def _read_and_tell(url: str, who: str, streams: int) -> None:
    async with _READERS[who](url) as read:
        await read(1)
        before = _peak()
        await _all_at_once(read, streams)
        print(_peak() - before)


def _peak() -> float:
    """The most memory, in MB, that this process has had."""
    found = re.search(r"VmHWM:\s*(\d+)", _STATUS.read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


@asynccontextmanager
async def _ours(url: str) -> AsyncIterator[_Read]:
    chat = Chat(base_url=url, model="full")

    async def read(tokens: int) -> tuple[int, float]:
        started = time.perf_counter()
        count, first = 0, 0.0
        async with aclosing(chat.stream("hi", history=False, options={"count": tokens})) as deltas:
            async for _ in deltas:
                first = first or time.perf_counter() - started
                count += 1
        return count, first

    yield read
    await transport.close()


@asynccontextmanager
async def _openai(url: str) -> AsyncIterator[_Read]:
    import openai

    messages: Any = [{"role": "user", "content": "hi"}]
    async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:

        async def read(tokens: int) -> tuple[int, float]:
            started = time.perf_counter()
            count, first = 0, 0.0
            asked = client.chat.completions.create(
                model="full", messages=messages, stream=True, extra_body={"count": tokens}
            )
            async with await asked as chunks:
                async for chunk in chunks:
                    if chunk.choices and chunk.choices[0].delta.content:
                        first = first or time.perf_counter() - started
                        count += 1
            return count, first

        yield read


@asynccontextmanager
async def _httpx_sse(url: str) -> AsyncIterator[_Read]:
    import httpx
    from httpx_sse import aconnect_sse

    asked = {"model": "full", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with httpx.AsyncClient(timeout=60) as client:

        async def read(tokens: int) -> tuple[int, float]:
            started = time.perf_counter()
            count, first = 0, 0.0
            address = f"{url}/chat/completions"
            async with aconnect_sse(client, "POST", address, json=asked | {"count": tokens}) as source:
                async for event in source.aiter_sse():
                    if event.data == "[DONE]":
                        break
                    if json.loads(event.data)["choices"][0]["delta"].get("content"):
                        first = first or time.perf_counter() - started
                        count += 1
            return count, first

        yield read


_READERS: dict[str, Callable[[str], AbstractAsyncContextManager[_Read]]] = {
    "ava_magic": _ours,
    "openai": _openai,
    "httpx_sse": _httpx_sse,
}

if __name__ == "__main__":
    asyncio.run(_read_and_tell(sys.argv[1], sys.argv[2], int(sys.argv[3])))
