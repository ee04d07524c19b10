"""The terminal: settled blocks are printed once and scroll away as any output does; only the tail is painted again."""

from __future__ import annotations

import time
from copy import copy
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment, Segments
from rich.text import Text

from ..controls import visible
from ..markdown.blocks import Blocks
from ..markdown.unfinished import mend
from ..reply import Reply
from . import pace, status_line
from .console_markdown import ConsoleMarkdown
from .fresh import Fresh

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["TerminalView"]

_LONG_BLOCK = 6000  # characters of a block above which a part of it is printed before its end
_LONG_TAIL = 2000  # characters of it that are painted with each frame: its end
_PATIENCE = 2.0  # seconds that what is left of a whole reply may take to render
_PATIENCE_WHEN_STOPPED = 0.05
_MOST_WHEN_STOPPED = 50_000  # characters


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
        with self._fresh.frame() as text:
            status = status_line(self._turn, self._fresh, "Ctrl-C stops")
            self._take(text)
            if text or status != self._status:
                self._status = status
                self._live.update(Group(self._tail(), Text(status, style="dim")), refresh=True)
        return self._frame

    def close(self, reply: Reply | None, failure: str = "") -> None:
        self._live.update(Text(""))
        self._live.stop()
        if reply is not None and reply.partial:
            self._print_rest(_PATIENCE_WHEN_STOPPED, most=_MOST_WHEN_STOPPED)
        else:
            self._print_rest(_PATIENCE)
        if reply is not None:
            if reply.reasoning:
                words = f"thought for {reply.reasoning_seconds:.0f} s; .reasoning holds it"
                self._console.print(Text(words, style="dim"))
            if reply.refusal:
                self._console.print(Text(visible(reply.refusal)))
            self._console.print(Text(visible(reply.footer()), style="dim"))
        if failure:
            self._console.print(Text(visible(failure), style="red"))

    def _take(self, text: str) -> None:
        if text:
            self._print(self._blocks.feed(text))
        if len(self._blocks.tail) > _LONG_BLOCK:
            self._print(self._blocks.split(self._blocks.settled + len(self._blocks.tail) - _LONG_TAIL))

    def _print_rest(self, patience: float, most: int | None = None) -> None:
        """Print what is not yet: rendered for so many seconds, then as the text that it is, ``most`` characters of it.

        Who stops a flood wants the prompt, and no megabytes that scroll by before it.
        """
        until = time.monotonic() + patience
        while not self._fresh.is_all_read and time.monotonic() < until:
            with self._fresh.frame() as text:
                self._take(text)
        tail, rest = self._blocks.finish(), self._fresh.read()
        if not rest and not (most and self._fresh.takes_long(len(tail))):
            self._print(tail)
            return
        self._console.file.write(f"\n{tail}{rest[:most]}\n")
        if left := len(rest[most:]) if most else 0:
            self._console.print(Text(f"{left:,} more characters had come; .text of the reply holds them", style="dim"))

    def _print(self, text: str) -> None:
        if text.strip():
            self._console.print(_on_lines(self._lines(text)), end="")
            self._is_first_block = False

    def _tail(self) -> RenderableType:
        """The unfinished block, or as much of its end as fits the screen: what scrolled off cannot be painted again."""
        blocks = copy(self._blocks)
        if len(blocks.tail) > _LONG_TAIL:
            blocks.split(blocks.settled + len(blocks.tail) - _LONG_TAIL)
        return _on_lines(self._lines(mend(blocks.tail))[-max(1, self._console.height - 3) :])

    def _lines(self, text: str) -> list[list[Segment]]:
        """``text`` below a blank line, if anything stands above it.

        Rich begins a list or a table with blank lines of its own, and fills lines up with blanks: they would be copied
        with the text, and go on the next line when the terminal gets narrower.
        """
        coloured = self._console.color_system is not None and not self._console.no_color
        rendered = self._console.render_lines(ConsoleMarkdown(text), pad=False)
        lines = [_without_blanks(line, coloured=coloured) for line in rendered]
        while lines and not lines[0]:
            del lines[0]
        while lines and not lines[-1]:
            del lines[-1]
        return lines if self._is_first_block or not lines else [[], *lines]


def _without_blanks(line: list[Segment], *, coloured: bool) -> list[Segment]:
    """``line`` without the blanks at its end that show nothing: on a ``coloured`` screen code has a background."""
    line = list(line)
    while line and not (coloured and line[-1].style and line[-1].style.bgcolor):
        text, style, control = line.pop()
        if text.rstrip(" "):
            return [*line, Segment(text.rstrip(" "), style, control)]
    return line


def _on_lines(lines: list[list[Segment]]) -> Segments:
    return Segments([segment for line in lines for segment in (*line, Segment.line())])
