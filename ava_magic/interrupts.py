"""The interrupt's signal while a reply runs: ours, and given back.

asyncio lets a ``KeyboardInterrupt`` in a task through into its loop, so no task is to get one: under
:data:`interrupts` an interrupt asks each run to stop.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .runner import Run

__all__ = ["interrupts", "raising_interrupts"]


class _Interrupts:
    """The SIGINT handler while runs are under way: it stops them all.  The former handler is given back after the last.

    Only the main thread may own a signal; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Run, bool]] = []
        self._former: Any = None

    @contextlib.contextmanager
    def __call__(self, run: Run, *, passes_on: bool = False) -> Iterator[None]:
        """Let interrupts stop ``run``.  ``passes_on``: the cell that runs now is not this run; it gets them as well."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        try:
            self._runs.append((run, passes_on))
            self._take()
            yield
        finally:
            self._runs.remove((run, passes_on))
            if not self._runs:
                self._give_back()

    def _take(self) -> None:
        former = signal.getsignal(signal.SIGINT)
        if former != self._handle:  # else somebody who had kept our handler has put it back, or it is ours still
            self._former = former  # first: an interrupt may come the moment the handler stands
            signal.signal(signal.SIGINT, self._handle)

    def _give_back(self) -> None:
        if signal.getsignal(signal.SIGINT) == self._handle:  # else whoever replaced it meanwhile gives it back
            signal.signal(signal.SIGINT, self._former or signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        for run, _ in self._runs:
            run.stop()
        if not self._runs:  # somebody who had kept the handler put it back, or it is about to be given back
            self._give_back()
        if all(passes_on for _, passes_on in self._runs) and callable(self._former):
            self._former(number, frame)


interrupts = _Interrupts()


@contextlib.contextmanager
def raising_interrupts() -> Iterator[None]:
    """Let an interrupt raise ``KeyboardInterrupt`` here: in other people's code that may never end, and awaits nothing.

    A kernel's own handler only cancels the task while a cell awaits, and ours only asks a run to stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, former or signal.default_int_handler)
