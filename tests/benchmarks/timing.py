"""How the figures are taken: in turns, so that a busy moment of the machine falls on all sides alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from types import ModuleType

__all__ = ["Comparison", "Measure", "compare", "seconds_of", "wanted"]

Measure = Callable[[], float]
"""Does the work once; returns what it cost, in whatever unit."""


@dataclass(frozen=True)
class Comparison:
    """Median costs, and the median of the turns' ratios of ours to theirs."""

    ours: float
    theirs: float
    ratio: float


def compare(rounds: int, ours: Measure, theirs: Measure) -> Comparison:
    """Take both measures ``rounds`` times in turns (A B A B ...), after one turn that does not count.

    The garbage collector runs between the measures and not during them.
    """
    turns = [(_without_collector(ours), _without_collector(theirs)) for _ in range(rounds + 1)][1:]
    return Comparison(median(a for a, _ in turns), median(b for _, b in turns), median(a / b for a, b in turns))


def seconds_of(work: Callable[..., object], *arguments: object) -> Measure:
    """A measure of how long ``work(*arguments)`` takes, in seconds."""

    def measure() -> float:
        started = time.perf_counter()
        work(*arguments)
        return time.perf_counter() - started

    return measure


def wanted(module: str) -> ModuleType | None:
    """The module of an alternative, or ``None`` where that is not installed."""
    try:
        return import_module(module)
    except ImportError:
        return None


def _without_collector(measure: Measure) -> float:
    gc.collect()
    gc.disable()
    try:
        return measure()
    finally:
        gc.enable()
