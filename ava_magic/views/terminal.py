"""The terminal: settled blocks are printed once and scroll away as any output does; only the tail is painted again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment, Segments
from rich.text import Text

from ..controls import one_line, visible
from ..markdown import Blocks
from ..reply import Reply
from . import pace

if TYPE_CHECKING:
    from ..chat import Turn

__all__ = ["TerminalView"]


class TerminalView:
    """Renders with rich.  Colours and width are the terminal's own."""

    def __init__(self, turn: Turn, frame_rate: float) -> None:
        self._turn = turn
        self._frame = 1 / frame_rate
        self._shown = 0
        self._blocks = Blocks()
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._opened = time.monotonic()

    def open(self) -> None:
        self._live.start()
        self.paint()

    @pace
    def paint(self) -> float:
        pieces = self._turn.pieces[self._shown :]
        self._shown += len(pieces)
        if pieces and (settled := self._blocks.feed(visible("".join(pieces)))):
            self._console.print(Markdown(settled, hyperlinks=False), end="")
        self._live.update(Group(self._tail(), self._status()), refresh=True)
        return self._frame

    def close(self, reply: Reply | None) -> None:
        self.paint()
        self._live.update(Text(""))
        self._live.stop()
        if rest := self._blocks.finish().strip():
            self._console.print(Markdown(rest, hyperlinks=False))
        if reply is not None:
            self._console.print(Text(visible(reply.footer()), style="dim"))

    def _tail(self) -> RenderableType:
        """The unfinished block, or as much of its end as fits the screen: what scrolled off cannot be painted again."""
        lines = self._console.render_lines(Markdown(self._blocks.tail, hyperlinks=False))
        room = max(1, self._console.height - 3)
        newline = Segment.line()
        return Segments([segment for line in lines[-room:] for segment in (*line, newline)])

    def _status(self) -> Text:
        if waiting := self._turn.waiting:
            reason, until = waiting
            words = f"{one_line(reason, 80)}: asking again in {max(0.0, until - time.monotonic()):.0f} s"
        else:
            words = f"{self._turn.endpoint.name} \u00b7 {time.monotonic() - self._opened:.0f} s"
        return Text(f"{words} \u00b7 Ctrl-C stops", style="dim")
