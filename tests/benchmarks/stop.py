"""How soon an interrupted reply is over."""

from __future__ import annotations

import logging
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pexpect

from tests.endpoint import Endpoint
from tests.kernel import Cell, Kernel
from tests.moments import MOMENTS, Moment
from tests.terminal import Program, Screen, Terminal

from .table import Row

__all__ = ["stop"]

_ROUNDS = 20
_PROMISE = 300.0  # milliseconds
_PATIENCE = 5.0  # seconds to wait for a cell that an interrupt does not reach
_NEVER = float("inf")
_ASK = "async def ask(n=0):\n    %ava -n go\ndef asked():\n    %ava -n go\nimport asyncio, time"
_TOO_MUCH_AT_ONCE = ("waiting to retry", "in a flood of 10 MB/s")


@dataclass(frozen=True)
class _Place:
    """A cell that asks so many times at once, and one that sleeps in its place."""

    asks: str
    sleeps: str
    streams: int = 1

    @property
    def moments(self) -> dict[str, Moment]:
        return {when: MOMENTS[when] for when in MOMENTS if self.streams == 1 or when not in _TOO_MUCH_AT_ONCE}


_PLACES = {
    "a cell": _Place("%ava -n go", "await asyncio.sleep(60)"),
    "a function": _Place("asked()", "time.sleep(60)"),
    "%%time": _Place("%%time\n%ava -n go", "%%time\ntime.sleep(60)"),
    "a task": _Place("await asyncio.create_task(ask())", "await asyncio.create_task(asyncio.sleep(60))"),
    "20 tasks at once": _Place(
        "await asyncio.gather(*map(ask, range(20)))",
        "await asyncio.gather(*(asyncio.sleep(60) for _ in range(20)))",
        streams=20,
    ),
}


def stop() -> Iterator[Row]:
    """from an interrupt to idle with the connection closed, median and worst of 20: %ava against what sleeps"""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # each reset connection would be an unretrieved exception
    for where, place in _PLACES.items():
        theirs = _sleeps(place.sleeps)
        with _kernel() as kernel:
            for when, moment in place.moments.items():
                ours = [_asks(kernel, place, moment) for _ in range(_ROUNDS)]
                yield _row(f"in {where}, {when}", ours, theirs)
    for where, opened in _SHELLS.items():
        with _shell(opened) as shell:
            theirs = shell.all_sleeps()
        with _shell(opened) as shell:
            for when, moment in MOMENTS.items():
                yield _row(f"in {where}, {when}", [shell.asks(moment) for _ in range(_ROUNDS)], theirs)


@contextmanager
def _kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    try:
        kernel.run("%load_ext ava_magic")
        kernel.run(_ASK)
        yield kernel
    finally:
        kernel.shutdown()


def _asks(kernel: Kernel, place: _Place, moment: Moment) -> float:
    with closing(Endpoint()) as endpoint:
        kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
        moment.answer(endpoint)
        cell = kernel.start(place.asks)
        moment.wait_for(kernel, endpoint, cell, place.streams)
        return _interrupted(kernel, cell, lambda: _wait_until_closed(endpoint, moment))


def _sleeps(code: str) -> list[float]:
    """The same for a cell that sleeps; ``_NEVER`` where the interrupt does not reach it."""
    with _kernel() as kernel:
        try:
            return [_interrupted(kernel, _running(kernel, code), lambda: None) for _ in range(_ROUNDS)]
        except AssertionError:  # it waited in vain
            return [_NEVER]


def _running(kernel: Kernel, code: str) -> Cell:
    cell = kernel.start(code)
    return kernel.collect(cell, lambda: bool(cell.of_type("execute_input")))


def _interrupted(kernel: Kernel, cell: Cell, wait_until_closed: Callable[[], None]) -> float:
    """Milliseconds from the interrupt to the end of the cell; it comes at any moment between two frames."""
    time.sleep(random.uniform(0.02, 0.2))
    started = time.perf_counter()
    kernel.interrupt()
    kernel.finish(cell, _PATIENCE)
    wait_until_closed()
    taken = 1e3 * (time.perf_counter() - started)
    assert cell.status == "error"
    return taken


def _wait_until_closed(endpoint: Endpoint, moment: Moment) -> None:
    if moment.is_connected:
        for request in endpoint.requests:
            assert request.hung_up.wait(_PATIENCE)


class _Shell:
    """A terminal in which the extension is loaded, at its second prompt."""

    def __init__(self, terminal: Screen) -> None:
        self._terminal = terminal
        self._number = 2

    def asks(self, moment: Moment) -> float:
        with closing(Endpoint()) as endpoint:
            moment.answer(endpoint)
            self._terminal.send(f"%ava -n --base-url {endpoint.url} go")
            endpoint.wait_for_request()
            if moment.is_connected and moment.shown:
                self._terminal.until(moment.shown)
            return self._interrupted(lambda: _wait_until_closed(endpoint, moment))

    def all_sleeps(self) -> list[float]:
        """``_NEVER`` where Ctrl-C does not reach what sleeps: ``asyncio.run`` takes the first one for its main task."""
        try:
            return [self._sleeps() for _ in range(_ROUNDS)]
        except pexpect.TIMEOUT:
            return [_NEVER]

    def _sleeps(self) -> float:
        self._terminal.send("import time; print('as' + 'leep', flush=True); time.sleep(60)")
        self._terminal.until("asleep")
        return self._interrupted(lambda: None)

    def _interrupted(self, wait_until_closed: Callable[[], None]) -> float:
        """Milliseconds from Ctrl-C to the next prompt."""
        time.sleep(random.uniform(0.02, 0.2))
        started = time.perf_counter()
        self._terminal.child.kill(signal.SIGINT)
        self._number += 1
        self._terminal.until(rf"In \[{self._number}\]:")
        wait_until_closed()
        return 1e3 * (time.perf_counter() - started)


@contextmanager
def _shell(opened: Callable[[Path], Screen]) -> Iterator[_Shell]:
    with tempfile.TemporaryDirectory() as folder, closing(opened(Path(folder))) as screen:
        yield _Shell(screen)


def _terminal(folder: Path) -> Screen:
    terminal = Terminal(folder)
    terminal.run("%load_ext ava_magic", 2)
    return terminal


_SHELLS: dict[str, Callable[[Path], Screen]] = {
    "the terminal": _terminal,
    "a shell in a running program": lambda folder: Program(folder, "asyncio.run(main())"),
}


def _row(what: str, ours: list[float], theirs: list[float]) -> Row:
    ratio = f"{median(ours) / median(theirs):.1f}" if _NEVER not in theirs else ""
    return Row(what, _figures(ours), _figures(theirs), ratio, f"<= {_PROMISE:.0f} ms", max(ours) <= _PROMISE)


def _figures(taken: list[float]) -> str:
    if _NEVER in taken:
        return f"> {_PATIENCE:.0f} s"
    return f"{median(taken):.0f}, {max(taken):.0f} ms"
