"""Many questions at once: how near the rate comes to what the latency allows, and what it takes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from typing import Any

from ava_magic import Chat, ask_each
from ava_magic.conversation.exchanges import Message
from ava_magic.many.each import Batch
from ava_magic.many.items import items_of
from ava_magic.many.template import Template, Words
from tests.kernel import Kernel

from . import late_server
from .iopub import Meter
from .late_server import LATENCY
from .server import serving
from .table import Row
from .timing import wanted

__all__ = ["Busy", "each"]

_ITEMS = 2_000
_AT_ONCE = (8, 64, 256)
_NEAR = 0.9  # of the ideal rate
_FEW, _MANY = 5_000, 100_000
_FLAT = 1.1  # times the memory for twenty times the items
_MESSAGES = 5  # a second
_WORK = 0.05  # seconds of the processor
_BUSY = 100  # items of so much work
_TWO = 1.7  # times the rate of one process

_AskAll = Callable[[str, int, int], Awaitable[None]]
"""Asks so many questions at a base URL, so many of them at once."""


def each() -> Iterator[Row]:
    """2,000 items at 50 ms: the rate against the ideal and others; memory, messages, and Dask on two processes"""
    with serving(late_server.__name__) as url:
        with asyncio.Runner() as runner:  # one loop: LangChain keeps a client for all of them
            for at_once in _AT_ONCE:
                yield from _rates(runner, url, at_once)
        yield _messages(url)
    yield _memory()
    yield from _on_dask()


def _rates(runner: asyncio.Runner, url: str, at_once: int) -> Iterator[Row]:
    ours = runner.run(_rate(_ours, url, at_once))
    part = ours * LATENCY / at_once
    yield Row(f"{at_once} at once, part of the ideal", f"{part:.0%}", "", "", f">= {_NEAR:.0%}", part >= _NEAR)
    for name, ask_all in (("openai", _with_openai), ("langchain_openai", _with_langchain)):
        if wanted(name) is not None:
            theirs = runner.run(_rate(ask_all, url, at_once))
            yield Row(f"{at_once} at once; {name}", f"{ours:,.0f}/s", f"{theirs:,.0f}/s", f"x{ours / theirs:.1f}")


async def _rate(ask_all: _AskAll, url: str, at_once: int) -> float:
    """Items a second, with everything loaded."""
    await ask_all(url, 2 * at_once, at_once)
    started = time.perf_counter()
    await ask_all(url, _ITEMS, at_once)
    return _ITEMS / (time.perf_counter() - started)


async def _ours(url: str, items: int, at_once: int) -> None:
    async for reply in ask_each(Chat(base_url=url, model="late"), range(items), "say {item}", concurrency=at_once):
        assert reply.text == "yes"


async def _with_openai(url: str, items: int, at_once: int) -> None:
    openai: Any = wanted("openai")
    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    limit = asyncio.Semaphore(at_once)

    async def ask(item: int) -> None:
        async with limit:
            messages = [{"role": "user", "content": f"say {item}"}]
            await client.chat.completions.create(model="late", messages=messages)

    await asyncio.gather(*map(ask, range(items)))
    await client.close()


async def _with_langchain(url: str, items: int, at_once: int) -> None:
    langchain: Any = wanted("langchain_openai")
    model = langchain.ChatOpenAI(base_url=url, api_key="none", model="late")
    await model.abatch([f"say {item}" for item in range(items)], config={"max_concurrency": at_once})


def _messages(url: str) -> Row:
    kernel = Kernel()
    try:
        with closing(Meter(kernel)) as meter:
            meter.weigh(f"%load_ext ava_magic\n%config AvaMagics.base_url = {url!r}\nitems = range({_ITEMS})")
            ask = "%ava --each few --concurrency 64 say {item}"
            meter.weigh(f"few = range(1)\n{ask}")
            unseen = meter.weigh(ask).messages  # what it opens and closes, whatever comes between
            started = time.perf_counter()
            many = meter.weigh(ask.replace("few", "items")).messages
            rate = (many - unseen) / (time.perf_counter() - started)
    finally:
        kernel.shutdown()
    return Row("messages for the progress", f"{rate:.1f}/s", "", "", f"<= {_MESSAGES}/s", rate <= _MESSAGES)


class Busy:
    """A provider that waits for nothing and costs the processor what many deltas do: the client is the limit."""

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Message], **kwargs: Any) -> AsyncIterator[str]:
        over = time.thread_time() + _WORK
        while time.thread_time() < over:
            pass
        yield "yes"


_PROGRAM = """
import asyncio, resource
from ava_magic import Chat, ask_each

async def at_once(model, messages, **kwargs):
    yield "yes"

async def main(items):
    async for _ in ask_each(Chat(provider=at_once), (n for n in range(items)), "say {item}"):
        pass

for items in ITEMS:
    asyncio.run(main(items))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _memory() -> Row:
    """The most memory that a process of its own had after a few items, and after many more."""
    program = _PROGRAM.replace("ITEMS", str((_FEW, _MANY)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())  # kilobytes
    figures = f"{many / 1e3:.1f} MB", f"{few / 1e3:.1f} MB", f"x{many / few:.2f}"
    what = f"memory of the process, {_MANY:,} items of a generator over {_FEW:,}"
    return Row(what, *figures, f"<= x{_FLAT}", many <= _FLAT * few)


def _on_dask() -> Iterator[Row]:
    distributed: Any = wanted("distributed")
    if distributed is None:
        yield Row("skipped: distributed is not installed")
        return
    one = asyncio.run(_rate_with(None))
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**cluster) as local, distributed.Client(local) as client:
        client.wait_for_workers(2)
        from ava_magic.many.workers import Workers

        asyncio.run(_rate_with(Workers()))
        two = asyncio.run(_rate_with(Workers()))
    ratio = two / one
    what = f"Dask on two processes over one process; {_WORK * 1e3:.0f} ms of work each"
    yield Row(what, f"{two:,.0f}/s", f"{one:,.0f}/s", f"x{ratio:.2f}", f">= x{_TWO}", ratio >= _TWO)


async def _rate_with(asker: Any) -> float:
    template = Template("say {item}", {}, Words())
    batch = Batch(Chat(provider=Busy), items_of(range(_BUSY)), template, concurrency=16, changes={}, asker=asker)
    started = time.perf_counter()
    async for _ in batch.replies():
        pass
    return _BUSY / (time.perf_counter() - started)
