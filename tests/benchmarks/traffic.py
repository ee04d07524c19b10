"""What a streamed reply costs the wire between the kernel and its front ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import zmq

from tests.kernel import Kernel

from .server import serving
from .table import Row
from .texts import markdown

__all__ = ["traffic"]

_SMALL, _LARGE = 8 * 1024, 64 * 1024
_RATE = 250  # deltas a second
_AT_ONCE = 1_000_000
_CPU = "__import__('time').process_time()"

_OURS = "%ava -n --option size={size} --option rate={rate} hi"
_STREAM = """
from ava_magic import Chat
chat = Chat(base_url={url!r}, model="paced", options={{"size": {size}, "rate": {rate}}})
text = ""
async for delta in chat.stream("hi"):
    text += delta
    {show}
"""
_THEIRS = {
    "append_stdout": ("from ipywidgets import Output\nout = Output()\ndisplay(out)", "out.append_stdout(delta)"),
    "clear_output and display": (
        "from IPython.display import Markdown, clear_output",
        "clear_output(wait=True); display(Markdown(text))",
    ),
    "update_display": (
        "from IPython.display import Markdown\nhandle = display(Markdown(''), display_id=True)",
        "handle.update(Markdown(text))",
    ),
}


@dataclass(frozen=True)
class _Cost:
    """Bytes on iopub per byte of the reply, processor seconds of the kernel, and how long it took."""

    size: int
    bytes: int
    cpu: float
    seconds: float

    @property
    def per_byte(self) -> float:
        return self.bytes / self.size


def traffic() -> Iterator[Row]:
    """bytes on iopub per byte of reply, at 250 deltas/s: the widget view against other ways to show each delta"""
    with serving() as url, _kernel(url) as kernel:
        small = _cost(kernel, _OURS, _SMALL, _RATE)
        for way, (before, show) in _THEIRS.items():
            code = f"{before}{_STREAM}".replace("{show}", show).replace("{url!r}", repr(url))
