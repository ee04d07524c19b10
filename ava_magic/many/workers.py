"""``--dask``: the questions are answered by the workers of the Dask client that is active in the notebook.

Dask spreads, repeats and gives up, as it does with any task; here a question becomes one, and its reply comes back.
Each worker has a loop, and with it a session, of its own.  A key is never in a task: the worker reads its environment.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any, NamedTuple

from ..chat import Chat
from ..errors import AvaError
from ..providers.endpoint import Endpoint
from ..reply import Reply
from ..settings import Settings
from ..turn import Turn
from .throttle import Throttle

__all__ = ["Workers"]

_UNTIL_STOPPED = 2.0  # seconds that a Stop waits for workers which do not answer


class Task(NamedTuple):
    """What a task of Dask's is given: the question, how to ask it, and where to tell of a wait."""

    content: Any
    settings: Settings
    topic: str


class Workers:
    """Answers turns on the workers of a Dask client, the active one.  Raises :class:`AvaError` where there is none."""

    def __init__(self) -> None:
        try:
            from distributed import default_client
        except ImportError:
            raise AvaError("--dask needs Dask: pip install 'ava-magic[dask]'", "config") from None
        try:
            self._client: Any = default_client()
        except ValueError:
            says = "--dask needs an active client: from distributed import Client; client = Client()"
            raise AvaError(says, "config") from None
        self._topic = f"ava-{uuid.uuid4().hex}"
        self._stopped: list[str] = []

    def begin(self, settings: Settings, throttle: Throttle) -> None:
        """Ask by ``settings``, and let a refusal on one worker slow them all; called in the throttle's loop.

        Raises :class:`AvaError` (``config``) for settings that no worker can have.
        """
        self._settings = _for_workers(settings)
        loop = asyncio.get_running_loop()

        def hear(event: tuple[Any, Any]) -> None:
            with suppress(RuntimeError):  # told after the end, when the loop is closed
                loop.call_soon_threadsafe(throttle.note_wait, *event[1])

        self._client.subscribe_topic(self._topic, hear)

    async def ask(self, turn: Turn) -> Reply:
        """The reply to a turn that was begun.  Raises :class:`AvaError`."""
        task = Task(turn.messages[-1]["content"], _at_the_same(turn.endpoint, self._settings), self._topic)
        key = f"{self._topic}-{uuid.uuid4().hex}"
        future = self._client.submit(_answer, task, key, key=key, pure=False)
        try:
            answer = await self._on_its_loop(self._client.gather(future, asynchronous=True))
        except asyncio.CancelledError:
            asking = asyncio.current_task()
            if asking is not None and asking.cancelling():
                self._stopped.append(key)
                raise
            raise AvaError("Dask has cancelled the task; is the cluster still there?", "connection") from None
        except Exception as error:  # KilledWorker, or what became of the way to the scheduler
            raise AvaError(f"Dask failed at the task: {type(error).__name__}: {error}", "connection") from None
        finally:
            future.release()  # what is here already is not asked again when its worker dies; what is not is dropped
        if isinstance(answer, AvaError):
            raise answer
        reply: Reply = answer
        return replace(reply, messages=tuple(turn.messages), data=turn.data_in(reply.text))

    async def end(self) -> None:
        """Hang up what is still under way on the workers."""
        self._client.unsubscribe_topic(self._topic)
        if self._stopped:
            stopping = self._on_its_loop(self._client.run(_stop, self._stopped, on_error="ignore", asynchronous=True))
            await asyncio.wait([stopping], timeout=_UNTIL_STOPPED)

    def _on_its_loop(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        if self._client.asynchronous:
            return asyncio.ensure_future(coroutine)
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._client.loop.asyncio_loop))


def _for_workers(settings: Settings) -> Settings:
    """The settings with no key in them."""
    if settings.api_key is not None:
        raise AvaError("a key is not sent to Dask's workers: set it in their environment", "config")
    if settings.record:
        raise AvaError("--dask and a cassette do not go together: the workers would all write into it", "config")
    return replace(settings, typed_keys={})


def _at_the_same(endpoint: Endpoint, settings: Settings) -> Settings:
    """The settings with the endpoint that was chosen here: a worker's environment may name another one."""
    if settings.provider not in ("", "auto"):
        return settings
    return replace(settings, base_url=endpoint.url) if endpoint.url else replace(settings, provider=endpoint.name)


# What follows runs on the workers.

_running: dict[str, Future[Reply | AvaError]] = {}
_stopped_here: deque[str] = deque(maxlen=10_000)
_starting = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def _answer(task: Task, key: str) -> Reply | AvaError:
    """The task: ask, and return the reply, or the error as a value: Dask has nothing to add to it."""
    from distributed import get_worker, secede

    worker = get_worker()
    secede()  # it waits for the endpoint and computes nothing: how many there are is bounded where they come from
    tell = functools.partial(_tell, worker, task.topic)
    future = _running[key] = asyncio.run_coroutine_threadsafe(_ask(task, tell), _loop())
    if key in _stopped_here:
        future.cancel()
    try:
        return future.result()
    except CancelledError:
        return AvaError("stopped", "connection")  # which nobody waits for any more
    finally:
        del _running[key]


async def _ask(task: Task, tell: Callable[[str, float], None]) -> Reply | AvaError:
    changes = {field.name: getattr(task.settings, field.name) for field in fields(task.settings)}
    try:
        chat = Chat()
        turn = chat.begin(task.content, history=False, **changes)
        turn.on_wait = tell
        await chat.finish(turn)
    except AvaError as error:
        return error
    return replace(turn.reply(), messages=(), data=None)  # those are at home, and that is read there


def _tell(worker: Any, topic: str, reason: str, seconds: float) -> None:
    worker.log_event(topic, [reason, seconds])


def _stop(keys: Sequence[str]) -> None:
    """Hang up what is under way for ``keys``, and what is about to begin."""
    _stopped_here.extend(keys)
    for key in keys:
        if future := _running.get(key):
            future.cancel()


def _loop() -> asyncio.AbstractEventLoop:
    """This process's loop for questions, in a thread of its own."""
    with _starting:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="ava", daemon=True).start()
            _loops.append(loop)
        return _loops[0]
