"""The moments in which an interrupt meets the taking and the giving back of its signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from ava_magic.busy import BusyCell
from ava_magic.interrupts import interrupts
from ava_magic.runner import Run


@pytest.fixture(autouse=True)
def _hears_interrupts() -> Iterator[None]:
    """Whatever runs the tests: what a shell starts in the background ignores the signal."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def _striking_after(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the next call of a function of :mod:`signal` be followed by an interrupt, before it returns."""
    real: Callable[..., Any] = getattr(signal, name)

    def call(*arguments: Any) -> Any:
        result = real(*arguments)
        monkeypatch.setattr(signal, name, real)
        signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(signal, name, call)


def test_an_interrupt_just_when_the_signal_is_taken_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    _striking_after(monkeypatch, "signal")
    with interrupts(run):
        assert run.stopped
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_just_before_the_signal_is_taken_leaves_no_run_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    _striking_after(monkeypatch, "getsignal")
    with pytest.raises(KeyboardInterrupt), interrupts(Run()):
        pass
    with interrupts(Run()):
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_just_when_the_signal_is_given_back_leaves_it_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt), interrupts(Run()):
        _striking_after(monkeypatch, "getsignal")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_just_when_a_cell_takes_the_signal_reaches_the_kernels_handler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[int] = []
    former = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    busy = BusyCell()

    async def run_cell_async() -> None:  # by its name IPython's task of a cell is known
        _striking_after(monkeypatch, "signal")
        busy.begin("a cell")
        busy.end("a cell")

    try:
        with closing(asyncio.new_event_loop()) as loop:
            loop.run_until_complete(run_cell_async())
    finally:
        signal.signal(signal.SIGINT, former)
    assert heard == [signal.SIGINT]
