"""One aiohttp session for each event loop, closed with it: what all requests have in common.

Cookies are not kept, netrc is not read, and ``localhost`` is this machine, whatever a name server says.
"""

from __future__ import annotations

import asyncio
import atexit
import ipaddress
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ._version import USER_AGENT

__all__ = ["Resolver", "close", "close_all", "is_loopback", "session"]


class _Held(NamedTuple):
    keeper: AsyncGenerator[aiohttp.ClientSession, None]
    session: aiohttp.ClientSession
    thread: threading.Thread


_sessions: dict[asyncio.AbstractEventLoop, _Held] = {}


async def session() -> aiohttp.ClientSession:
    """The running loop's session.

    It is held by an asynchronous generator, since a loop that ends closes those that began in it
    (``loop.shutdown_asyncgens``, which ``asyncio.run`` calls): so a script has nothing to close.
    """
    loop = asyncio.get_running_loop()
    if held := _sessions.get(loop):
        return held.session
    _let_go_of_closed_loops()
    keeper = _keep_session(loop)
    new = await anext(keeper)
    _sessions[loop] = _Held(keeper, new, threading.current_thread())
    return new


async def close() -> None:
    """Close the running loop's session, if it has one."""
    if held := _sessions.get(asyncio.get_running_loop()):
        await held.keeper.aclose()


@atexit.register
def close_all() -> None:
    """Close every session of this thread, from code that cannot await; its own loop, when it turns next.

    Another thread's loop may run, stop or be closed at any moment: it closes its session itself, at its end.
    """
    _let_go_of_closed_loops()
    for loop, held in list(_sessions.items()):
        if held.thread.is_alive() and held.thread is not threading.current_thread():
            continue
        if loop.is_running():
            asyncio.run_coroutine_threadsafe(held.keeper.aclose(), loop)
        elif asyncio._get_running_loop() is None:  # else there is no way to run that of a thread that has gone
            loop.run_until_complete(held.keeper.aclose())


def _let_go_of_closed_loops() -> None:
    """Drop the sessions of loops that were closed without a word (``loop.close()`` alone), with their sockets.

    A program that makes a loop for each question would else run out of them.
    """
    for loop, held in list(_sessions.items()):
        if loop.is_closed():
            with suppress(StopIteration, RuntimeError):  # or another thread is at it
                held.keeper.aclose().send(None)  # nothing in it has to wait any more


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by name or by address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _keep_session(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession, None]:
    new = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=4,  # servers often hang up after 5 s
            resolver=Resolver(),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
    )
    try:
        yield new
    finally:
        _sessions.pop(loop, None)
        await new.close()


class Resolver(AbstractResolver):
    """Names to addresses; ``localhost`` is both of this machine's own, and no name server is asked (RFC 6761, 6.3).

    The system's answer may lack the one that the server listens on: glibc leaves ``::1`` out where no other IPv6
    address is configured, and it asks a name server for what ends in ``.localhost``.
    """

    def __init__(self) -> None:
        self._others = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of ``host``.  Raises :class:`OSError` where there are none."""
        if not is_loopback(host):
            try:
                return await self._others.resolve(host, port, family)
            except UnicodeError:  # what getaddrinfo says of a name that no host can have
                raise OSError(None, "no host can have that name") from None
        both = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
        return [
            ResolveResult(hostname=host, host=address, port=port, family=version, proto=0, flags=socket.AI_NUMERICHOST)
            for address, version in both.items()
            if family in (version, socket.AF_UNSPEC)
        ]

    async def close(self) -> None:
        """Let go of what asks the name servers."""
        await self._others.close()
