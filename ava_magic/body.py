"""The body of an answer, to its end: what aiohttp keeps back or leaves waiting where a connection breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

__all__ = ["chunks_of"]

_LOOKS_EVERY = 0.25


async def chunks_of(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """What comes, decompressed, and at last what came together with its end: aiohttp raises before it hands that over.

    Raises :class:`aiohttp.ClientError` where the body breaks off.
    """
    body = response.content
    watch = _Watch(response)
    try:
        async for chunk in body.iter_any():
            yield chunk
    except aiohttp.ClientError:
        body.set_exception(None)  # type: ignore[arg-type]  # else it would raise again in place of reading
        if rest := body.read_nowait():
            yield rest
        raise
    except RuntimeError:  # so aiohttp says that the connection was gone before it was asked
        raise aiohttp.ClientPayloadError("the connection is gone") from None
    finally:
        watch.end()


class _Watch:
    """Ends a body whose connection is gone.

    After a chunk whose frame is broken aiohttp (seen in 3.10 and 3.14) hangs up and leaves the reader waiting for ever.
    A timer looks, for a task would cost each of many short replies more.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._gone = False
        self._look_later()

    def end(self) -> None:
        self._timer.cancel()

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_LOOKS_EVERY, self._look)

    def _look(self) -> None:
        body, connection = self._response.content, self._response.connection
        if connection is None:  # the body has been read to its end
            return
        if self._gone and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("the connection is gone"))
            return
        transport = connection.transport
        self._gone = transport is None or transport.is_closing()  # its end may be on its way all the same: look again
        self._look_later()
