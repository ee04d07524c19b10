"""An endpoint that does as it is told: it answers, waits, stalls, cuts and lies, on a raw loopback socket.

It runs in a thread of its own, so that a test can talk to a kernel, a terminal or a coroutine meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

HANG_UP = object()
"""A step that closes the connection at once."""


class Endless:
    """A step that sends the same bytes over and over, until the client has had enough."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece


class Gate:
    """A step at which the endpoint waits: ``reached`` is set when it does, and ``open()`` lets it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened: Future[None] = Future()

    def open(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    async def wait(self) -> None:
        self.reached.set()
        await asyncio.shield(asyncio.wrap_future(self._opened))  # others may wait at it, who are not cancelled with us


class Pause(Gate):
    """A step that takes some seconds, as a model does between two deltas."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def wait(self) -> None:
        await asyncio.sleep(self._seconds)


@dataclass
class Request:
    """What was asked, whether the client has hung up since, and whether all that answers it has been sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    hung_up: threading.Event = field(default_factory=threading.Event)
    played: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def model(self) -> str:
        """The model that is asked for, ``""`` where none is."""
        return str(self.json.get("model", "")) if self.body else ""

    @property
    def messages(self) -> list[tuple[str, Any]]:
        return [(message["role"], message["content"]) for message in self.json["messages"]]


def chunk(content: str | None = None, **choice: Any) -> bytes:
    """One event of a chat stream."""
    delta = {} if content is None else {"content": content}
    payload = {"model": "scripted", "choices": [{"index": 0, "delta": delta, "finish_reason": None} | choice]}
    return f"data: {json.dumps(payload)}\n\n".encode()


END = chunk(finish_reason="stop") + b"data: [DONE]\n\n"


class Endpoint:
    """Answers each request with the next answer that it was given; the last one answers all further requests.

    Of two that are sent at once either may come first: an answer ``to`` a model waits for one that asks for it.

    ``host`` is the address to listen on, ``port`` the port there (0: one that is free), ``tls`` what makes it speak
    https.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self.port = port
        self._tls = tls
        self.requests: list[Request] = []
        self._answers: list[tuple[str, list[Any]]] = []
        self._answering: set[Any] = set()  # the tasks; who waits at a gate that is forgotten is held by nobody else
        self._loop = asyncio.new_event_loop()
        self._arrived = threading.Condition()
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def answers(
        self,
        *steps: Any,
        status: int = 200,
        content_type: str = "text/event-stream",
        headers: str = "",
        to: str = "",
    ) -> None:
        """Queue an answer.

        A step is a text (one delta), bytes (sent as they are), a :class:`Gate`, an :class:`Endless` or ``HANG_UP``.
        """
        head = f"HTTP/1.1 {status} Because\r\nConnection: close\r\n{headers}"
        if content_type:
            head += f"Content-Type: {content_type}\r\n"
        self._answers.append((to, [f"{head}\r\n".encode(), *steps]))

    def answers_raw(self, *steps: Any) -> None:
        """Queue an answer that need not be HTTP."""
        self._answers.append(("", list(steps)))

    def says(self, *words: Any, to: str = "") -> None:
        """Queue a good reply that streams ``words``."""
        self.answers(*words, END, to=to)

    def forget(self) -> None:
        """Drop the answers and the requests so far."""
        self._answers.clear()
        self.requests.clear()

    def wait_for_request(self, number: int = 1, timeout: float = 60) -> Request:
        """The ``number``-th request, as soon as it has come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= number, timeout), "no request came"
            return self.requests[number - 1]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self, started: threading.Event) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, self._host, self.port, ssl=self._tls))
        self.port = server.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"{'https' if self._tls else 'http'}://{host}:{self.port}/v1"
        started.set()
        self._loop.run_forever()
        self._loop.remove_reader(server.sockets[0].fileno())
        # What was accepted last becomes a connection in the next turn: after close() asyncio would lose it unclosed.
        self._loop.run_until_complete(asyncio.sleep(0))
        server.close()
        self._loop.run_until_complete(_end_all())
        self._loop.run_until_complete(asyncio.sleep(0))  # what they closed is closed by the next turn of the loop
        self._loop.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request: Request | None = None
        self._answering.add(task := asyncio.current_task())
        try:
            request = await _read_request(reader)
            with self._arrived:
                self.requests.append(request)
                answer = self._choose_answer(request)
                self._arrived.notify_all()
            watch = asyncio.ensure_future(_watch(reader, request))
            await _play(answer, writer)
            watch.cancel()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._answering.discard(task)
            writer.close()
            if request is not None:
                self._loop.call_soon(request.played.set)  # after what closes the connection

    def _choose_answer(self, request: Request) -> list[Any]:
        fitting = [number for number, (to, _) in enumerate(self._answers) if to in ("", request.model)]
        _, answer = self._answers.pop(fitting[0]) if len(fitting) > 1 else self._answers[fitting[0]]
        return answer


async def _end_all() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.sleep(0)  # one that had not begun would not close what it was given
        for task in others:
            task.cancel()
        await asyncio.wait(others)


async def _play(steps: Iterable[Any], writer: asyncio.StreamWriter) -> None:
    for step in steps:
        if isinstance(step, Gate):
            await step.wait()
        elif isinstance(step, Endless):
            while True:
                writer.write(step.piece)
                await writer.drain()
        elif step is HANG_UP:
            writer.transport.abort()
            return
        else:
            writer.write(chunk(step) if isinstance(step, str) else step)
            await writer.drain()


async def _watch(reader: asyncio.StreamReader, request: Request) -> None:
    try:
        with contextlib.suppress(ConnectionError):
            await reader.read()
    finally:
        request.hung_up.set()


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)
