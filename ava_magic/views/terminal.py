"""The terminal: settled blocks are printed once and scroll away as any output does; only the tail is painted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment, Segments
from rich.text import Text

from ..controls import visible
from ..markdown.blocks import Blocks
from ..reply import Reply
from . import Fresh, pace, status_line
from .console_markdown import ConsoleMarkdown

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["TerminalView"]


class TerminalView:
    """Renders with rich.  Colours and width are the terminal's own."""

    def __init__(self, turn: Turn, frame_rate: float) -> None:
        self._turn = turn
        self._frame = 1 / frame_rate
        self._fresh = Fresh(turn)
        self._blocks = Blocks()
        self._is_first_block = True
        self._status = ""
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)

    def open(self) -> None:
        self._live.start()
        self.paint()

    @pace
    def paint(self) -> float:
        text, status = self._fresh.read(), status_line(self._turn, self._fresh, "Ctrl-C stops")
        if text:
            self._print(self._blocks.feed(text))
        if text or status != self._status:
            self._status = status
            self._live.update(Group(self._tail(), Text(status, style="dim")), refresh=True)
        return self._frame

    def close(self, reply: Reply | None, failure: str = "") -> None:
        self.paint()
        self._live.update(Text(""))
        self._live.stop()
        self._print(self._blocks.finish())
        if reply is not None:
            if reply.reasoning:
                words = f"thought for {reply.reasoning_seconds:.0f} s; .reasoning holds it"
                self._console.print(Text(words, style="dim"))
            self._console.print(Text(visible(reply.footer()), style="dim"))
        if failure:
            self._console.print(Text(visible(failure), style="red"))

    def _print(self, text: str) -> None:
        if text.strip():
            if not self._is_first_block:
                self._console.print()
            self._is_first_block = False
            self._console.print(ConsoleMarkdown(text))

    def _tail(self) -> RenderableType:
        """The unfinished block, or as much of its end as fits the screen: what scrolled off cannot be painted again."""
        tail = ConsoleMarkdown(self._blocks.tail)
        lines = self._console.render_lines(tail if self._is_first_block else Group("", tail), pad=False)
        room = max(1, self._console.height - 3)
        newline = Segment.line()
        return Segments([segment for line in lines[-room:] for segment in (*line, newline)])
