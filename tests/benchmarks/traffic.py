"""What a streamed reply costs the wire between a kernel and its front ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from tests.kernel import Kernel

from .iopub import Meter, Weight
from .server import serving
from .table import Row

__all__ = ["traffic"]

_SMALL, _LARGE = 8 * 1024, 64 * 1024
_RATE = 250
_MOST = 50  # bytes published per byte of reply
_MOST_GROWTH = 9  # times the bytes for eight times the reply
_FAST = 2_000
_AT_ONCE = 1_000_000  # what a way costs that sends something for each delta does not depend on when

_SETUP = """
%load_ext ava_magic
%config AvaMagics.base_url = {url!r}
%config AvaMagics.model = "paced"
from IPython.display import Markdown, clear_output
from ipywidgets import Output
from ava_magic import Chat

chat = Chat(base_url={url!r}, model="paced")

def stream(**options):
    return chat.stream("hi", history=False, options=options | {{"text": "markdown"}})
"""
_OURS = "%ava -n --option size={size} --option rate={rate} --option text=markdown hi"
_LARGE_BLOCKS = {"code": "one block of code", "blocks": "small blocks", "line": "one line", "table": "one table"}
_THEIRS = {
    "append_stdout": """
out = Output()
display(out)
async for delta in stream(size={size}, rate={rate}):
    out.append_stdout(delta)
""",
    "clear_output, display": """
text = ""
async for delta in stream(size={size}, rate={rate}):
    text += delta
    clear_output(wait=True)
    display(Markdown(text))
""",
    "update_display": """
text = ""
handle = display(Markdown(text), display_id=True)
async for delta in stream(size={size}, rate={rate}):
    text += delta
    handle.update(Markdown(text))
""",
}


def traffic() -> Iterator[Row]:
    """bytes on iopub per byte of reply, at 250 deltas/s: the widget view against other ways to show each delta"""
    kernel = Kernel()
    try:
        with serving() as url, closing(Meter(kernel)) as meter:
            meter.weigh(_SETUP.format(url=url))
            for code in (_OURS, *_THEIRS.values()):
                meter.weigh(code.format(size=500, rate=_AT_ONCE))  # whatever is loaded on first use is loaded
            yield from _rows(meter)
    finally:
        kernel.shutdown()


def _rows(meter: Meter) -> Iterator[Row]:
    ours = meter.weigh(_OURS.format(size=_SMALL, rate=_RATE))
    theirs = {way: meter.weigh(code.format(size=_SMALL, rate=_RATE)) for way, code in _THEIRS.items()}
    for way, weight in theirs.items():
        yield _per_byte(f"8 kB of mixed Markdown; {way}", _SMALL, ours, weight)
    for way, weight in theirs.items():
        yield _processor(f"8 kB, processor time of the kernel; {way}", ours, weight)
    large = meter.weigh(_OURS.format(size=_LARGE, rate=_RATE))
    way = "update_display"  # append_stdout would take minutes and 7 GB
    large_theirs = meter.weigh(_THEIRS[way].format(size=_LARGE, rate=_AT_ONCE))
    yield _per_byte(f"64 kB of mixed Markdown; {way}", _LARGE, large, large_theirs)
    yield _growth(f"64 kB over 8 kB, bytes; {way}", large.bytes / ours.bytes, large_theirs.bytes / theirs[way].bytes)
    yield Row("64 kB over 8 kB, processor time", f"x{large.cpu / ours.cpu:.1f}")
    for name, what in _LARGE_BLOCKS.items():
        code = _OURS.replace("markdown", name)
        small, big = (meter.weigh(code.format(size=size, rate=_FAST)) for size in (_SMALL, _LARGE))
        yield _growth(f"64 kB over 8 kB, bytes; {what} at {_FAST:,}/s", big.bytes / small.bytes)
        yield _growth(f"64 kB over 8 kB, processor time; {what} at {_FAST:,}/s", big.cpu / small.cpu)


def _per_byte(what: str, size: int, ours: Weight, theirs: Weight) -> Row:
    figures = f"{ours.bytes / size:,.1f}", f"{theirs.bytes / size:,.1f}", f"{ours.bytes / theirs.bytes:.3f}"
    return Row(what, *figures, f"<= {_MOST}", ours.bytes <= _MOST * size)


def _processor(what: str, ours: Weight, theirs: Weight) -> Row:
    return Row(what, f"{ours.cpu:.2f} s", f"{theirs.cpu:.2f} s", f"{ours.cpu / theirs.cpu:.2f}")


def _growth(what: str, ours: float, theirs: float | None = None) -> Row:
    against = (f"x{theirs:.1f}", f"{ours / theirs:.2f}") if theirs else ("", "")
    return Row(what, f"x{ours:.1f}", *against, f"<= x{_MOST_GROWTH}", ours <= _MOST_GROWTH)
