"""An interrupt while a cell that awaits is busy with code of its own.

A kernel runs a cell with an ``await`` at its top level as a task, and its handler for the signal has the loop cancel
that task (ipykernel, ``IPythonKernel._cancel_on_sigint``).  While the cell runs code that awaits nothing the loop does
not turn, so nothing stops that code (*measured* on ipykernel 6.17 to 7.4).  ``%ava`` at top level makes such a cell of
one that could be interrupted, so here the interrupt is raised in that code, as in every other cell.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from types import FrameType
from typing import Any

from IPython.core.getipython import get_ipython

from .shell import in_own_task_of_a_cell

__all__ = ["BusyCell"]


class BusyCell:
    """Owns SIGINT from :meth:`begin` to :meth:`end`, before and after whatever a question does with it."""

    def __init__(self) -> None:
        self._former: Any = None
        self._cell: object = None

    def begin(self, cell: object) -> None:
        """``cell`` begins; nothing happens where an interrupt is raised in it anyway."""
        former = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or asyncio._get_running_loop() is None:
            return
        is_kernels = callable(former) and former not in (signal.default_int_handler, self._handle)
        if is_kernels and in_own_task_of_a_cell():
            self._former, self._cell = former, cell  # first: an interrupt may come the moment the handler stands
            signal.signal(signal.SIGINT, self._handle)

    def end(self, cell: object) -> None:
        """``cell`` is over; whoever has taken the signal meanwhile gives it back.

        ``None``: some cell is.  Nothing happens for one that the cell's own code has run (``run_cell``, ``%%capture``).
        """
        if cell in (None, self._cell) and self._former is not None and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, self._former)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if _is_in_code_of_a_cell(frame):
            raise _Interrupt
        self._former(number, frame)


class _Interrupt(KeyboardInterrupt):
    """A ``KeyboardInterrupt`` that is shown without our handler, in which it was raised."""

    def _render_traceback_(self) -> list[str]:
        step = self.__traceback__
        while step is not None and step.tb_next is not None:
            if step.tb_next.tb_frame.f_code is BusyCell._handle.__code__:
                step.tb_next = None
            else:
                step = step.tb_next
        shell: Any = get_ipython()
        shown: list[str] = shell.InteractiveTB.structured_traceback(type(self), self, self.__traceback__)
        return shown


# Front ends and nbclient know an interrupt by its name, and whoever prints a traceback wants to read that alone.
_Interrupt.__name__ = _Interrupt.__qualname__ = "KeyboardInterrupt"
_Interrupt.__module__ = "builtins"


def _is_in_code_of_a_cell(frame: FrameType | None) -> bool:
    """Whether ``frame`` runs inside ``run_code``, IPython's own, which catches whatever a cell raises."""
    depth = 0
    while frame is not None and frame.f_code.co_name != "run_code":
        frame, depth = frame.f_back, depth + 1
    return frame is not None and depth > 0
