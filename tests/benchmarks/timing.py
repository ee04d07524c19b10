"""How the figures are taken: in turns, so that a busy moment of the machine falls on all sides alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from importlib import import_module
from statistics import median
from types import ModuleType

__all__ = ["Measure", "compare", "seconds_of", "wanted"]

Measure = Callable[[], float]
"""Does the work once; returns what it cost, in whatever unit."""


def compare(rounds: int, *measures: Measure) -> list[float]:
    """The median cost of each measure over ``rounds`` turns (A B A B ...), after one turn that does not count.

    The garbage collector runs between the measures and not during them.
    """
    costs: list[list[float]] = [[] for _ in measures]
    for turn in range(rounds + 1):
        for measure, taken in zip(measures, costs, strict=True):
            cost = _without_collector(measure)
            if turn:
                taken.append(cost)
    return [median(taken) for taken in costs]


def seconds_of(work: Callable[[], object]) -> Measure:
    """A measure of how long ``work()`` takes, in seconds."""

    def measure() -> float:
        started = time.perf_counter()
        work()
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
