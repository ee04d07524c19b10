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
    return chat.stream("hi", history=False, options=options)
"""
_OURS = "%ava -n --option size={size} --option rate={rate} hi"
_THEIRS = {
    "append_stdout": """
out = Output()
display(out)
async for delta in stream(size={size}, rate={rate}):
    out.append_stdout(delta)
""",
    "clear_output and display": """
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
    """bytes on iopub per byte of reply: the widget view against other ways to show each delta as it comes"""
    kernel = Kernel()
    try:
        with serving() as url, closing(Meter(kernel)) as meter:
            meter.weigh(_SETUP.format(url=url))
            for code in (_OURS, *_THEIRS.values()):
                meter.weigh(code.format(size=500, rate=_AT_ONCE))
            yield from _compared(meter)
    finally:
        kernel.shutdown()


def _compared(meter: Meter) -> Iterator[Row]:
    ours = {size: meter.weigh(_OURS.format(size=size, rate=_RATE)) for size in (_SMALL, _LARGE)}
    for way, code in _THEIRS.items():
        theirs = {
            _SMALL: meter.weigh(code.format(size=_SMALL, rate=_RATE)),
            _LARGE: meter.weigh(code.format(size=_LARGE, rate=_AT_ONCE)),
        }
        for size in (_SMALL, _LARGE):
            yield _per_byte(f"{size // 1024} kB, {way}", size, ours[size], theirs[size])
        yield _growth(f"64 kB over 8 kB, {way}", ours, theirs)
    yield _processor(ours)


def _per_byte(what: str, size: int, ours: Weight, theirs: Weight) -> Row:
    ratio = f"{ours.bytes / theirs.bytes:.3f}"
    return Row(what, f"{ours.bytes / size:.1f}", f"{theirs.bytes / size:,.0f}", ratio, "<= 50", ours.bytes <= 50 * size)
