"""The notebook: an area of ``Output`` widgets while the reply streams, one ordinary output when it has ended.

The area holds an ``Output`` for every few settled blocks and one for the tail.  An ``Output`` is the tail until a later
block begins and it has grown large; then it is painted one last time, with its settled blocks alone, and a new one
takes over what begins.  No shown text ever moves or goes, what is settled is not sent again, and the list of outputs
stays short (it is sent whole each time it grows).

``with output:`` and ``append_stdout`` are not used: the one swallows exceptions, the other sends everything again for
each piece.  Assigning ``outputs`` does neither.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.display import display, update_display

from ..blocks import Blocks
from ..controls import visible
from ..markdown import plain, to_html
from ..reply import Reply
from . import pace, status_line

if TYPE_CHECKING:
    from ..chat import Turn

__all__ = ["HtmlView", "WidgetView"]

_FULL = 4_000  # characters after which an output is left as it is and the next one begins
_HOW_TO_STOP = "interrupt the kernel to stop"
_SLOWEST_STATUS = 1.0  # seconds between two updates of the line that shows time and tokens


def final_bundle(reply: Reply | None) -> tuple[dict[str, str], dict[str, Any]]:
    """The output that stays: its data in three forms, and the exchange as metadata.

    Where nothing came it is empty; the line that says why stands below it, where a traceback would.
    """
    if reply is None:
        return {"text/plain": "", "text/html": ""}, {}
    return reply._repr_mimebundle_(), {"ava_magic": _exchange(reply)}


def _exchange(reply: Reply) -> dict[str, Any]:
    return {
        "format": 1,
        "prompt": reply.messages[-1]["content"] if reply.messages else "",
        "reply": reply.text,
        "model": reply.model,
        "provider": reply.provider,
        "partial": reply.partial,
    }


class WidgetView:
    """Streams into widgets, which front ends that have them show without a flicker."""

    def __init__(self, turn: Turn, stop: Callable[[], None], kernel: Any, frame_rate: float) -> None:
        self._turn = turn
        self._stop = stop
        self._kernel = kernel
        self._frame = 1 / frame_rate
        self._display_id = uuid.uuid4().hex
        self._blocks = Blocks()
        self._settled = ""  # what the last output holds of settled blocks
        self._seen = 0  # pieces of the turn that were looked at
        self._received = 0  # characters that were fed to the blocks
        self._painted = 0  # the same, at the last frame
        self._status_painted = 0.0

    def open(self) -> None:
        from ipywidgets import HTML, Button, HBox, Layout, Output, VBox

        flush = Layout(margin="0")  # as the output that stays in the end: nothing moves by the widgets' 2 pixels
        self._new_output: Callable[[], Any] = lambda: Output(layout=flush)
        self._outputs = [self._new_output()]
        self._button = Button(
            description="Stop",
            icon="stop",
            tooltip="Stop this reply and keep what has come",
            layout=Layout(width="80px", height="24px", display="none"),
        )
        self._button.on_click(lambda _: self._stop())
        self._status = HTML()
        self._bar = HBox([self._button, self._status], layout=Layout(height="28px"))
        self._area = VBox([self._bar, *self._outputs], layout=flush)
        self._paint_status()
        display(
            {
                "application/vnd.jupyter.widget-view+json": {
                    "version_major": 2,
                    "version_minor": 0,
                    "model_id": self._area.model_id,
                },
                "text/plain": f"{visible(self._turn.endpoint.name)} is answering; the reply will stand here.",
            },
            raw=True,
            display_id=self._display_id,
        )

    @pace
    def paint(self) -> float:
        self._paint_status()
        pieces = self._turn.pieces[self._seen :]
        if not pieces:
            return self._frame
        self._seen += len(pieces)
        text = "".join(pieces)
        self._received += len(text)
        self._settled += self._blocks.feed(text)
        everything_shown_is_settled = self._painted <= self._received - len(self._blocks.tail)
        if len(self._settled) >= _FULL and everything_shown_is_settled:
            self._show(self._settled)
            self._settled = ""
            self._outputs.append(self._new_output())
            self._show(self._blocks.tail)
            self._area.children = [self._bar, *self._outputs]
        else:
            self._show(self._settled + self._blocks.tail)
        self._painted = self._received
        return self._frame

    def close(self, reply: Reply | None) -> None:
        data, metadata = final_bundle(reply)
        update_display(data, metadata=metadata, raw=True, display_id=self._display_id)
        for widget in (*self._outputs, self._button, self._status, self._bar, self._area):
            widget.close()
            widget.layout.close()
        for styled in (self._button, self._status):
            styled.style.close()

    def _show(self, text: str) -> None:
        self._outputs[-1].outputs = (
            {"output_type": "display_data", "data": {"text/html": to_html(text)}, "metadata": {}},
        )

    def _paint_status(self) -> None:
        now = time.monotonic()
        if now - self._status_painted < _SLOWEST_STATUS:
            return
        self._status_painted = now
        clicks = _serves_clicks(self._kernel)
        line = status_line(self._turn, now, "" if clicks else _HOW_TO_STOP)
        self._status.value = f"<small>{plain(line)}</small>"
        if clicks:
            self._button.layout.display = ""


class HtmlView:
    """Streams by ``update_display``, for a front end without widgets: the whole is sent again at a slower clock."""

    def __init__(self, turn: Turn, frame_rate: float) -> None:
        self._turn = turn
        self._frame = max(0.25, 1 / frame_rate)
        self._display_id = uuid.uuid4().hex
        self._seen = 0

    def open(self) -> None:
        line = status_line(self._turn, time.monotonic(), _HOW_TO_STOP)
        data = {"text/plain": line, "text/html": f"<small>{plain(line)}</small>"}
        display(data, raw=True, display_id=self._display_id)

    @pace
    def paint(self) -> float:
        if self._seen < len(self._turn.pieces):
            self._seen = len(self._turn.pieces)
            text = "".join(self._turn.pieces)
            data = {"text/plain": visible(text), "text/html": to_html(text)}
            update_display(data, raw=True, display_id=self._display_id)
        return self._frame

    def close(self, reply: Reply | None) -> None:
        data, metadata = final_bundle(reply)
        update_display(data, metadata=metadata, raw=True, display_id=self._display_id)


def _serves_clicks(kernel: Any) -> bool:
    """Whether a click can arrive while a cell runs: the front end has opened a subshell for its widgets' messages.

    Without one (ipykernel before 7, JupyterLab before 4.4) a click waits until the cell is done: a dead button.
    """
    thread = getattr(kernel, "shell_channel_thread", None)
    return thread is not None and bool(thread.manager.list_subshell())
