"""The notebook: an area of ``Output`` widgets while the reply streams, one ordinary output when it has ended.

The area holds an ``Output`` for every few settled blocks and one for the tail.  An ``Output`` is the tail until it has
grown large and all that it shows is settled; then it is left as it is, and a new one takes over what begins.  So no
shown text ever moves or goes, what is settled is not sent again, and the list of outputs stays short (it is sent whole
each time it grows).

``with output:`` and ``append_stdout`` are not used: the one swallows exceptions, the other sends everything again for
each piece.  Assigning ``outputs`` does neither.
"""

from __future__ import annotations

import functools
import math
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.display import display, update_display

from ..blocks import Blocks
from ..controls import visible
from ..markdown import plain, to_html
from ..reply import Reply, thought_html
from ..unfinished import mend
from . import Fresh, pace, status_line
from .updates import BYTES_A_SECOND, HOW_TO_STOP, final_bundle

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["WidgetView", "close_what_is_left"]

_SLOWEST_STATUS = 1.0  # seconds between two updates of the line that shows time and tokens
_LONG_ENOUGH_TO_LEAVE = 15.0  # seconds
_QUICKLY_RENDERED = 50_000  # characters of a reply that take about a tenth of a second
_UNTIL_FIRST_WORDS = 0.005  # seconds between two looks for them: they are shown at once
_ENVELOPE = 700  # bytes of a message beside its HTML


class WidgetView:
    """Streams into widgets, which front ends that have them show without a flicker."""

    def __init__(
        self, turn: Turn, stop: Callable[[], None], kernel: Any, frame_rate: float, *, background: bool = False
    ) -> None:
        self._turn = turn
        self._stop = stop
        self._kernel = kernel
        self._frame = 1 / frame_rate
        self._display_id = uuid.uuid4().hex
        self._blocks = Blocks()
        self._fresh = Fresh(turn)
        self._finished: list[str] = []  # the HTML of the text in the outputs before the last one
        self._settled = ""  # the HTML of what is settled in the last output
        self._tail = ""  # the HTML of the rest
        self._received = 0  # characters of the reply that were painted
        self._status_painted = 0.0
        self._has_button = False
        self._background = background  # so a click comes through, between two cells at the latest
        self._opened = time.monotonic()

    def open(self) -> None:
        from ipywidgets import HTML, Button, HBox, Layout, Output

        flush = Layout(margin="0")  # as the output that stays in the end: nothing moves by the widgets' 2 pixels
        self._new_output: Callable[[], Any] = lambda: Output(layout=flush)
        self._outputs = [self._new_output()]
        may_come = self._background or _may_serve(self._kernel)
        self._button = Button(
            description="Stop",
            icon="stop",
            tooltip="Stop this reply and keep what has come",
            # It takes its place from the start, where it may come: nothing moves when it does.
            layout=Layout(width="80px", height="24px", visibility="hidden", display="" if may_come else "none"),
        )
        self._button.on_click(lambda _: self._stop())
        self._status = HTML()
        self._bar = HBox([self._button, self._status], layout=Layout(height="28px"))
        self._area = _area_class()([self._bar, *self._outputs], layout=flush)
        self._paint_status()
        display(
            {
                "application/vnd.jupyter.widget-view+json": {
                    "version_major": 2,
                    "version_minor": 0,
                    "model_id": self._area.model_id,
                },
                "text/plain": f"{visible(self._turn.endpoint.name)} was asked; its whole reply will stand here.",
            },
            raw=True,
            display_id=self._display_id,
        )

    @pace
    def paint(self) -> float:
        self._paint_status()
        text = self._fresh.read()
        if not text:
            return self._frame if self._received else _UNTIL_FIRST_WORDS
        if self._turn.thoughts and not self._received:
            self._show(thought_html("".join(self._turn.thoughts), self._turn.thought_for))
            self._begin_output()
        painted, self._received = self._received, self._fresh.characters
        self._settle(self._blocks.feed(text))
        full = max(3000, 7.5 * math.sqrt(self._received))  # so that neither the outputs nor their list grow too long
        if len(self._settled) < full < len(self._tail):
            self._settle(self._blocks.split(painted), continues=True)
        if len(self._settled) >= full and self._blocks.settled >= painted:  # so nothing that is shown would move
            self._show(self._settled)
            self._finished.append(self._settled)
            self._settled = ""
            self._begin_output()
        self._tail = to_html(mend(self._blocks.tail))
        self._show(self._settled + self._tail)
        return max(self._frame, (_ENVELOPE + len(self._settled + self._tail)) / BYTES_A_SECOND)

    def _begin_output(self) -> None:
        self._outputs.append(self._new_output())
        self._area.children = [self._bar, *self._outputs]

    def _settle(self, text: str, *, continues: bool = False) -> None:
        if text:
            self._settled += to_html(text, continues=continues)

    def close(self, reply: Reply | None, failure: str = "") -> None:
        body = None
        if reply is not None and reply.partial and self._received > _QUICKLY_RENDERED:
            # Who stops a reply does not wait for it to be rendered once more: what was painted is put together.
            body = "".join([*self._finished, self._settled, to_html(self._blocks.finish())])
        data, metadata = final_bundle(reply, self._turn, body, failure)
        update_display(data, metadata=metadata, raw=True, display_id=self._display_id)
        if self._area.was_restored or time.monotonic() - self._opened >= _LONG_ENOUGH_TO_LEAVE:
            self._area.children = self._outputs[-1:]
            self._outputs[-1].outputs = ({"output_type": "display_data", "data": data, "metadata": metadata},)
            _left_open.append((self._area, self._outputs.pop()))
        else:
            self._area.close()
            self._area.layout.close()
        for widget in (*self._outputs, self._button, self._status, self._bar):
            widget.close()
        for model in (self._button.layout, self._button.style, self._status.layout, self._status.style):
            model.close()
        self._bar.layout.close()

    def _show(self, html: str) -> None:
        output = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
        self._outputs[-1].outputs = (output,)

    def _paint_status(self) -> None:
        now = time.monotonic()
        served = not self._has_button and (self._background or _serves_clicks(self._kernel))
        if not served and now - self._status_painted < _SLOWEST_STATUS:
            return
        if served:
            self._has_button = True
            self._button.layout.visibility = "visible"
        self._status_painted = now
        line = status_line(self._turn, self._fresh, "" if self._has_button else HOW_TO_STOP)
        self._status.value = f"<small>{plain(line)}</small>"


_left_open: list[tuple[Any, Any]] = []


def close_what_is_left() -> None:
    """Close the areas of replies that have ended, but for one that a page shows which was opened anew meanwhile.

    Such a page has no display that could be updated: it was not there when the cell began.  So the area of a reply that
    took long enough for somebody to leave and come back stays, with the whole reply in it, until the next cell is run.
    """
    while _left_open:
        area, output = _left_open.pop()
        if not area.was_restored:
            for widget in (area, output):
                widget.close()
            area.layout.close()


@functools.cache
def _area_class() -> Any:
    from ipywidgets import VBox

    class Area(VBox):  # type: ignore[misc]  # ipywidgets has no types
        """The area of a reply, which notices when a page asks for its whole state: it was opened anew."""

        was_restored = False

        def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
            if key is None and getattr(self, "comm", None) is not None:
                self.was_restored = True
            return super().get_state(key=key, drop_defaults=drop_defaults)

    return Area


def _may_serve(kernel: Any) -> bool:
    """Whether the kernel knows subshells at all (ipykernel 7)."""
    return getattr(kernel, "shell_channel_thread", None) is not None


def _serves_clicks(kernel: Any) -> bool:
    """Whether a click can arrive while a cell runs: the front end has opened a subshell for its widgets' messages.

    Without one (ipykernel before 7, JupyterLab before 4.4) a click waits until the cell is done: a dead button.
    """
    return _may_serve(kernel) and bool(kernel.shell_channel_thread.manager.list_subshell())
