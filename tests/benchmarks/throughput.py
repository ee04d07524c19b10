"""How much of a fast endpoint's stream gets through, for one reply and for many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any

from ava_magic import Chat

from .server import serving
from .table import Row
from .timing import Comparison, compare, wanted

__all__ = ["throughput"]

_ROUNDS = 5
_TOKENS = 10_000  # in all streams together
_STREAMS = (1, 10, 100)
_PROMISED_STREAMS, _PROMISE = 100, 3

_Read = Callable[[int], Awaitable[int]]
"""Reads a stream of so many tokens to its end; returns how many came."""


def throughput() -> Iterator[Row]:
    """tokens a second over loopback: Chat against openai.AsyncOpenAI; the ratio says how many times as many"""
    openai = wanted("openai")
    if openai is None:
        yield Row("skipped: openai is not installed")
        return
    with serving() as url, asyncio.Runner() as runner:
        chat = Chat(base_url=url, model="full")
        client = openai.AsyncOpenAI(base_url=url, api_key="none")
        ours, theirs = partial(_read_ours, chat), partial(_read_theirs, client)
        for streams in _STREAMS:
            measures = [partial(_seconds, runner, read, streams) for read in (ours, theirs)]
            yield _row(streams, compare(_ROUNDS, *measures))
        runner.run(client.close())


def _seconds(runner: asyncio.Runner, read: _Read, streams: int) -> float:
    """How long it takes to read the tokens in that many streams, all at once."""
    return runner.run(_all_at_once(read, streams))


async def _all_at_once(read: _Read, streams: int) -> float:
    tokens = _TOKENS // streams
    started = time.perf_counter()
    counts = await asyncio.gather(*(read(tokens) for _ in range(streams)))
    taken = time.perf_counter() - started
    assert counts == [tokens] * streams
    return taken


async def _read_ours(chat: Chat, tokens: int) -> int:
    options = {"count": tokens}
    count = 0
    async with aclosing(chat.stream("hi", history=False, options=options)) as deltas:
        async for _ in deltas:
            count += 1
    return count


async def _read_theirs(client: Any, tokens: int) -> int:
    messages = [{"role": "user", "content": "hi"}]
    body = {"count": tokens}
    count = 0
    async with await client.chat.completions.create(
        model="full", messages=messages, stream=True, extra_body=body
    ) as chunks:
        async for chunk in chunks:
            if chunk.choices and chunk.choices[0].delta.content:
                count += 1
    return count


def _row(streams: int, taken: Comparison) -> Row:
    times = 1 / taken.ratio
    what = f"{streams} stream{'' if streams == 1 else 's'} of {_TOKENS // streams:,} tokens"
    figures = f"{_TOKENS / taken.ours:,.0f}/s", f"{_TOKENS / taken.theirs:,.0f}/s", f"x{times:.1f}"
    if streams != _PROMISED_STREAMS:
        return Row(what, *figures)
    return Row(what, *figures, f">= x{_PROMISE}", times >= _PROMISE)
