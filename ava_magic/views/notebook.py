"""The notebook: an area of ``Output`` widgets while the reply streams, one ordinary output when it has ended.

The area holds an ``Output`` for every few settled blocks and one for the tail.  An ``Output`` is the tail until it has
grown large and all that it shows is settled; then it is left as it is, and a new one takes over what begins.  So no
shown text ever moves or goes, what is settled is not sent again, and the list of outputs stays short (it is sent whole
each time it grows).

``with output:`` and ``append_stdout`` are not used: the one swallows exceptions, the other sends everything again for
each piece.  Assigning ``outputs`` does neither.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..controls import visible
from ..markdown.blocks import Blocks
from ..markdown.html import plain, to_html
from ..markdown.unfinished import mend
from ..reply import Reply, thought_html
from . import BYTES_A_SECOND, HOW_TO_STOP, pace, status_line
from .area import close_tree, new_area, retire, widget_view
from .ending import final_bundle, is_in_haste, put_together
from .fresh import Fresh
from .place import Place
from .stop_button import StopButton

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["WidgetView"]

_SLOWEST_STATUS = 1.0  # seconds between two updates of the line that shows time and tokens
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
        self._place = Place()
        self._blocks = Blocks()
        self._fresh = Fresh(turn)
        self._finished: list[str] = []  # the HTML of the text in the outputs before the last one
        self._settled = ""  # the HTML of what is settled in the last output
        self._tail = ""  # the HTML of the rest
        self._received = 0  # characters of the reply that were painted
        self._status_painted = 0.0
        self._background = background

    def open(self) -> None:
        words = f"{visible(self._turn.endpoint.name)} was asked; its whole reply will stand here."
        self._place.show(widget_view(self.build(), words))

    def build(self) -> Any:
        """The area that the reply streams into, a widget which is not on the screen yet."""
        from ipywidgets import HTML, HBox, Layout, Output

        flush = Layout(margin="0")  # as the output that stays in the end: nothing moves by the widgets' 2 pixels
        self._new_output: Callable[[], Any] = lambda: Output(layout=flush)
        self._outputs = [self._new_output()]
        self._button = StopButton(
            self._stop, self._kernel, background=self._background, tooltip="Stop this reply and keep what has come"
        )
        self._status = HTML()
        self._bar = HBox([self._button.widget, self._status], layout=Layout(height="28px"))
        self._area = new_area([self._bar, *self._outputs], flush)
        self._paint_status()
        return self._area

    @pace
    def paint(self) -> float:
        self._paint_status()
        with self._fresh.frame() as text:
            if text:
                self._take(text)
                return max(self._frame, (_ENVELOPE + len(self._settled + self._tail)) / BYTES_A_SECOND)
        return self._frame if self._received else _UNTIL_FIRST_WORDS

    def _take(self, text: str) -> None:
        if self._turn.thoughts and not self._received:
            thought = "".join(self._turn.thoughts)
            self._show(thought_html(thought, self._turn.thought_for, hastily=self._fresh.takes_long(len(thought))))
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

    def _begin_output(self) -> None:
        self._outputs.append(self._new_output())
        self._area.children = [self._bar, *self._outputs]

    def _settle(self, text: str, *, continues: bool = False) -> None:
        if text:
            self._settled += to_html(text, continues=continues)

    def close(self, reply: Reply | None, failure: str = "") -> None:
        data, metadata = self.finished(reply, failure)
        self._place.update(data, metadata)
        retire(self._area, self._outputs[-1], data, metadata)
        self.clear_away()

    def finished(self, reply: Reply | None, failure: str, under: str = "") -> tuple[dict[str, str], dict[str, Any]]:
        """The output that stays; ``under`` is what stands above it already."""
        painted = None
        if is_in_haste(reply, self._fresh):
            painted = put_together("".join([*self._finished, self._settled]), self._blocks, self._fresh)
        return final_bundle(reply, self._turn, painted, failure, under)

    @property
    def shows_all(self) -> bool:
        """Whether all that has come is painted."""
        return self._fresh.is_all_read

    def conclude(self, words: str) -> None:
        """It is over while others beside it are not: show ``words`` in place of the button."""
        self._button.widget.layout.display = "none"
        self._status.value = f"<small>{plain(words)}</small>"

    def clear_away(self) -> None:
        """Close the widgets, but for the area and what is in it last."""
        self._button.close()
        close_tree(self._status)
        for widget in (*self._outputs[:-1], self._bar, self._bar.layout):
            widget.close()

    def _show(self, html: str) -> None:
        output = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
        self._outputs[-1].outputs = (output,)

    def _paint_status(self) -> None:
        now = time.monotonic()
        if not self._button.wake() and now - self._status_painted < _SLOWEST_STATUS:
            return
        self._status_painted = now
        line = status_line(self._turn, self._fresh, "" if self._button.is_alive else HOW_TO_STOP)
        self._status.value = f"<small>{plain(line)}</small>"
