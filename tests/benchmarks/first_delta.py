"""How soon the first words are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing

import aiohttp

from ava_magic import Chat
from tests.kernel import Kernel

from .server import WORD, serving
from .table import Row
from .timing import compare

__all__ = ["first_delta"]

_ROUNDS = 50
_KERNEL_ROUNDS = 20
_PROMISE = 10.0  # milliseconds


def first_delta() -> Iterator[Row]:
    """from sending to the first words: Chat.stream against a bare aiohttp post"""
    with serving() as url:
        yield _in_a_script(url)
        yield _in_a_kernel(url)


def _in_a_script(url: str) -> Row:
    with asyncio.Runner() as runner:
        session = runner.run(_open_session())
        chat = Chat(base_url=url, model="first")
        taken = compare(
            _ROUNDS, lambda: runner.run(_chat_seconds(chat)), lambda: runner.run(_aiohttp_seconds(session, url))
        )
        runner.run(session.close())
    later = 1e3 * (taken.ours - taken.theirs)
    figures = f"{1e3 * taken.ours:.2f} ms", f"{1e3 * taken.theirs:.2f} ms", f"{taken.ratio:.2f}"
    return Row(f"first delta in a script: {later:.2f} ms later", *figures, f"<= +{_PROMISE:.0f} ms", later <= _PROMISE)


async def _open_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _chat_seconds(chat: Chat) -> float:
    started = time.perf_counter()
    first = 0.0
    async with aclosing(chat.stream("hi", history=False)) as deltas:
        async for _ in deltas:
            first = first or time.perf_counter() - started
    return first


async def _aiohttp_seconds(session: aiohttp.ClientSession, url: str) -> float:
    body = {"model": "first", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    started = time.perf_counter()
    first = 0.0
    async with session.post(f"{url}/chat/completions", json=body) as response:
        async for _ in response.content.iter_any():
            first = first or time.perf_counter() - started
    return first


def _in_a_kernel(url: str) -> Row:
    kernel = Kernel()
    try:
        kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {url!r}\n%config AvaMagics.model = 'first'")
        taken = compare(_KERNEL_ROUNDS, lambda: _painted_seconds(kernel), lambda: _printed_seconds(kernel))
    finally:
        kernel.shutdown()
    figures = f"{1e3 * taken.ours:.1f} ms", f"{1e3 * taken.theirs:.1f} ms", f"{taken.ratio:.1f}"
    return Row("first words painted in a kernel, against a print", *figures)


def _painted_seconds(kernel: Kernel) -> float:
    started = time.perf_counter()
    cell = kernel.start("%ava -n --option hold=0.3 hi")
    kernel.collect(cell, lambda: any(WORD in html for html in cell.painted))
    took = time.perf_counter() - started
    kernel.finish(cell)
    return took


def _printed_seconds(kernel: Kernel) -> float:
    started = time.perf_counter()
    cell = kernel.start(f"print({WORD!r})")
    kernel.collect(cell, lambda: WORD in cell.stdout)
    took = time.perf_counter() - started
    kernel.finish(cell)
    return took
