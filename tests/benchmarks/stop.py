"""How soon an interrupted cell is over."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from statistics import median

from tests.endpoint import Endpoint, Gate
from tests.kernel import Cell, Kernel

from .table import Row

__all__ = ["stop"]

_ROUNDS = 20
_PROMISE = 300.0  # milliseconds
_PATIENCE = 5.0  # seconds to wait for a cell that an interrupt does not reach
_NEVER = float("inf")
_WORD = "flowing "

_WHERE = {
    "a cell": ("%ava -n go", "await asyncio.sleep(60)"),
    "a function": ("def ask():\n    return %ava -n go\nask()", "time.sleep(60)"),
    "%%time": ("%%time\n%ava -n go", "%%time\ntime.sleep(60)"),
}


class _Endpoint(Endpoint):
    """One that can also say nothing at all, not even the head of an answer."""

    def says_nothing(self, gate: Gate) -> None:
        self._answers.append([gate])


class _Pace(Gate):
    """A step that takes 4 ms, so that deltas come 250 times a second."""

    async def wait(self) -> None:
        await asyncio.sleep(0.004)


def stop() -> Iterator[Row]:
    """from an interrupt to idle, in a kernel, median and worst of 20: %ava against a cell that sleeps"""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # each reset connection would be an unretrieved exception
    for where, (asking, sleeping) in _WHERE.items():
        theirs = _sleeps(sleeping)
        with _kernel() as kernel:
            for when, begin in _WHEN.items():
                ours = [_asks(kernel, asking, begin) for _ in range(_ROUNDS)]
                yield _row(f"in {where}, {when}", ours, theirs)


@contextmanager
def _kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    try:
        kernel.run("%load_ext ava_magic\nimport asyncio, time")
        yield kernel
    finally:
        kernel.shutdown()


def _before_the_first_byte(endpoint: _Endpoint, kernel: Kernel, code: str) -> Cell:
    gate = Gate()
    endpoint.says_nothing(gate)
    cell = kernel.start(code)
    assert gate.reached.wait(20)
    return cell


def _in_full_flow(endpoint: _Endpoint, kernel: Kernel, code: str) -> Cell:
    endpoint.says(*[_WORD, _Pace()] * 5000)
    return _painted(kernel, code)


def _silent_after_words(endpoint: _Endpoint, kernel: Kernel, code: str) -> Cell:
    endpoint.says(_WORD, Gate())
    return _painted(kernel, code)


_WHEN = {
    "before the first byte": _before_the_first_byte,
    "in full flow": _in_full_flow,
    "silent after some words": _silent_after_words,
}


def _painted(kernel: Kernel, code: str) -> Cell:
    """The cell, started, with its first words on the screen."""
    cell = kernel.start(code)
    return kernel.collect(cell, lambda: any(_WORD.strip() in html for html in cell.painted))


def _asks(kernel: Kernel, code: str, begin: Callable[[_Endpoint, Kernel, str], Cell]) -> float:
    with closing(_Endpoint()) as endpoint:
        kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
        return _interrupted(kernel, begin(endpoint, kernel, code))


def _sleeps(code: str) -> list[float]:
    """The same for a cell that sleeps; ``_NEVER`` where the interrupt does not reach it."""
    with _kernel() as kernel:
        try:
            return [_interrupted(kernel, _running(kernel, code)) for _ in range(_ROUNDS)]
        except AssertionError:  # it waited in vain
            return [_NEVER]


def _running(kernel: Kernel, code: str) -> Cell:
    cell = kernel.start(code)
    return kernel.collect(cell, lambda: bool(cell.of_type("execute_input")))


def _interrupted(kernel: Kernel, cell: Cell) -> float:
    """Milliseconds from the interrupt to the end of the cell; it comes at any moment between two frames."""
    time.sleep(random.uniform(0.02, 0.2))
    started = time.perf_counter()
    kernel.interrupt()
    kernel.finish(cell, _PATIENCE)
    taken = 1e3 * (time.perf_counter() - started)
    assert cell.status == "error"
    return taken


def _row(what: str, ours: list[float], theirs: list[float]) -> Row:
    ratio = f"{median(ours) / median(theirs):.1f}" if _NEVER not in theirs else ""
    return Row(what, _figures(ours), _figures(theirs), ratio, f"<= {_PROMISE:.0f} ms", max(ours) <= _PROMISE)


def _figures(taken: list[float]) -> str:
    if _NEVER in taken:
        return f"> {_PATIENCE:.0f} s"
    return f"{median(taken):.0f}, {max(taken):.0f} ms"
