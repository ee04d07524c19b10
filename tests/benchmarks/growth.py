"""What a kernel holds after many replies."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kernel import Kernel

from .server import serving
from .table import Row

__all__ = ["growth", "soak"]

_FEW, _MANY = 100, 1_000
_TOKENS = 250  # about a kilobyte
_LONG = 20_000  # tokens, about 90 kB
_BATCH = 10  # long replies in one cell
_PROMISE = 5.0  # MB
_COUNTED = ("tasks", "threads", "open files", "widgets")

_SETUP = """
%config AvaMagics.base_url = {url!r}
%config AvaMagics.model = "full"
from tests.census import census, resident

def ask(count):
    return get_ipython().run_line_magic("ava", f"-n --option count={{count}} hi")

def look():
    found = census()
    counted = found["tasks"], len(found["threads"]), sum(found["files"].values()), found["widgets"]
    return resident() / 1e6, *counted
"""
_Held = tuple[float, ...]
"""Megabytes, and how many of each of ``_COUNTED``."""


def growth() -> Iterator[Row]:
    """a kernel after 1,000 replies of a kilobyte (ours) against the same kernel after 100 (theirs)"""
    for how, ask in {"awaited": "answer = %ava -n --option count={} hi", "in a function": "answer = ask({})"}.items():
        with _kernel() as kernel:
            code = ask.format(_TOKENS)
            before = _after(kernel, code, _FEW)
            after = _after(kernel, code, _MANY - _FEW)
        yield from _rows(how, after, before)


def soak(minutes: float) -> Iterator[Row]:
    """a kernel that streams long replies at full speed for so long (ours) against itself after the first (theirs)"""
    with _kernel() as kernel:
        code = f"for _ in range({_BATCH}):\n    answer = %ava -n --option count={_LONG} hi"
        first = _after(kernel, code, 2)
        replies = _BATCH
        started = reported = time.monotonic()
        while (now := time.monotonic()) < started + 60 * minutes:
            if now >= reported + 60:
                reported = now
                yield _memory(f"after {(now - started) / 60:.0f} min, {replies:,} replies", _look(kernel), first)
            kernel.run(code)
            replies += _BATCH
        yield from _rows(f"{minutes:g} min, {replies:,} replies", _look(kernel), first)


@contextmanager
def _kernel() -> Iterator[Kernel]:
    with serving() as url:
        kernel = Kernel()
        try:
            for code in ("%load_ext ava_magic", _SETUP.format(url=url)):
                assert kernel.run(code).status == "ok"
            yield kernel
        finally:
            kernel.shutdown()


def _after(kernel: Kernel, code: str, times: int) -> _Held:
    """What is held when ``code`` has run so often, each time in a cell of its own."""
    for _ in range(times):
        cell = kernel.run(code)
        assert cell.status == "ok", cell.error
    return _look(kernel)


def _look(kernel: Kernel) -> _Held:
    held: _Held = ast.literal_eval(kernel.value("look()"))
    return held


def _rows(what: str, after: _Held, before: _Held) -> Iterator[Row]:
    yield _memory(what, after, before)
    for name, now, then in zip(_COUNTED, after[1:], before[1:], strict=True):
        yield Row(f"{what}: {name}", f"{now:.0f}", f"{then:.0f}", f"{now - then:+.0f}", "+0", now <= then)


def _memory(what: str, after: _Held, before: _Held) -> Row:
    more = after[0] - before[0]
    figures = f"{after[0]:.1f} MB", f"{before[0]:.1f} MB", f"{more:+.1f}"
    return Row(f"{what}: memory", *figures, f"<= +{_PROMISE:.0f}", more <= _PROMISE)
