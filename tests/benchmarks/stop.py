"""How soon an interrupted cell is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from statistics import median

from tests.endpoint import Endpoint, Gate
from tests.kernel import Cell, Kernel

from .table import Row

__all__ = ["stop"]

_ROUNDS = 20
_PROMISE = 0.3  # seconds
_WORD = "flowing "

_CELL = "%ava -n go"
_FUNCTION = "def ask():\n    return %ava -n go\nask()"
_TIME = "%%time\n%ava -n go"


class _Pace(Gate):
    """A step that takes 4 ms, so that deltas come 250 times a second."""

    async def wait(self) -> None:
        await asyncio.sleep(0.004)


class _Endpoint(Endpoint):
    """One that may say nothing at all: not even the head of its answer."""

    def says_nothing(self, gate: Gate) -> None:
        self._answers.append([gate])


def stop() -> Iterator[Row]:
    """from the interrupt to idle, in a kernel: median (worst); theirs: a cell that sleeps, in the same way"""
    kernel = Kernel()
    try:
        kernel.run("%load_ext ava_magic\nimport asyncio, time")
        yield _row(kernel, "before the first byte", _CELL, "await asyncio.sleep(60)", _before_the_first_byte, few=True)
        yield _row(kernel, "in full flow", _CELL, "", _in_full_flow)
        yield _row(kernel, "silent after some words", _CELL, "", _silent_after_words)
        yield _row(kernel, "before the first byte, in a function", _FUNCTION, "time.sleep(60)", _before_the_first_byte)
        yield _row(kernel, "in full flow, in a function", _FUNCTION, "", _in_full_flow)
        yield _row(kernel, "silent after some words, in a function", _FUNCTION, "", _silent_after_words)
        yield _row(kernel, "silent after some words, under %%time", _TIME, "%%time\ntime.sleep(60)", _silent_after_words)
    finally:
        kernel.shutdown()
