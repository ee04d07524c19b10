"""A loopback endpoint in a process of its own, so that serving takes no time from what is measured.

The request's ``model`` says how it answers, further fields of the body with what:

- ``first``: one event at once, then nothing for ``hold`` seconds, then the end;
- ``paced``: ``size`` bytes of the ``text`` of that name in ``rate`` deltas a second;
- ``full``: ``count`` realistic events as fast as they are taken.
"""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from .texts import blocks, code, deltas, line, markdown, payload, payloads, stream_of, table

__all__ = ["WORD", "serving"]

WORD = "immediately"
"""What the model ``first`` says."""

_END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@contextmanager
def serving(module: str = __name__) -> Iterator[str]:
    """The base URL of the server that ``module`` is, which lives as long as the context."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()  # its end is the server's


async def _answer(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await _ANSWERS[body["model"]](response, body)
    await response.write(_END)
    await response.write_eof()
    return response


async def _first(response: web.StreamResponse, body: dict[str, Any]) -> None:
    await response.write(_event(WORD))
    await asyncio.sleep(body.get("hold", 0.0))


async def _paced(response: web.StreamResponse, body: dict[str, Any]) -> None:
    clock = asyncio.get_running_loop().time
    started = clock()
    for n, delta in enumerate(deltas(_TEXTS[body["text"]](body["size"]))):
        await asyncio.sleep(started + n / body["rate"] - clock())
        await response.write(_event(delta))


async def _full(response: web.StreamResponse, body: dict[str, Any]) -> None:
    for event in _events(body["count"]):
        await response.write(event)


_TEXTS = {"markdown": markdown, "code": code, "blocks": blocks, "line": line, "table": table}
_ANSWERS = {"first": _first, "paced": _paced, "full": _full}


@functools.cache
def _events(count: int) -> list[bytes]:
    return [stream_of([text]) for text in payloads(count)]


@functools.cache
def _event(content: str) -> bytes:
    return stream_of([payload(content)])


async def _serve() -> None:
    application = web.Application()
    application.router.add_post("/v1/chat/completions", _answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
