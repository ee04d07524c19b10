"""Hours by an event loop's clock, in a moment of ours: one that runs fast, and one that is put forward."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["put_forward", "run_hurried"]

T = TypeVar("T")
_BUSY = 1.0  # seconds by the hurried clock that a turn of the loop takes at most, beside those that it waits


class _Selector(selectors.DefaultSelector):
    """Waits for as much shorter as the clock is faster, and is that clock.

    It tells the time that was waited, and hardly that which the machine took: by that, a connection that takes it ten
    milliseconds would have taken half a minute.
    """

    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times
        self._looked = time.monotonic()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(timeout / self._times if timeout else timeout)
        looked, self._looked = self._looked, time.monotonic()
        waited = 0.0 if events else timeout or 0.0
        self.now += min(waited + _BUSY, self._times * (self._looked - looked))
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, times: float) -> None:
        self._clock = _Selector(times)
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run_hurried(work: Coroutine[Any, Any, T], times: float = 3600) -> T:
    """Run ``work`` to its end on a loop for which each second that it waits is ``times`` seconds.

    The loop has a thread of its own: the one that pytest keeps for this thread stays what it is.
    """

    def run() -> T:
        with asyncio.Runner(loop_factory=lambda: _Loop(times)) as runner:
            return runner.run(work)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def put_forward(seconds: float) -> None:
    """Put the running loop's clock forward: what it was to do by then is due."""
    loop: Any = asyncio.get_running_loop()
    until_now = loop.time
    loop.time = lambda: until_now() + seconds
