"""An event loop whose clock runs fast: what takes an hour by its timers is over in a second."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["run_hurried"]

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Waits for as much shorter as the clock is faster."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._times if timeout else timeout)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, times: float) -> None:
        self._times = times
        super().__init__(_Selector(times))

    def time(self) -> float:
        return super().time() * self._times


def run_hurried(work: Coroutine[Any, Any, T], times: float = 3600) -> T:
    """Run ``work`` to its end on a loop for which each second is ``times`` seconds.

    The loop has a thread of its own: the one that pytest keeps for this thread stays what it is.
    """

    def run() -> T:
        with asyncio.Runner(loop_factory=lambda: _Loop(times)) as runner:
            return runner.run(work)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
