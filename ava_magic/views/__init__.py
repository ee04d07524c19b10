"""What shows a reply: one view for each kind of screen.

A view looks at a :class:`~ava_magic.turn.Turn` by a clock; nothing calls it when a delta arrives, so a delta costs the
same whether it is shown or not.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO, TypeVar

from ..answers.presentation import AsMarkdown
from ..controls import one_line, visible
from ..reply import Reply
from ..shell import in_notebook, may_display
from ..values.content import text_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..turn import Turn

__all__ = [
    "BYTES_A_SECOND",
    "HOW_TO_STOP",
    "Fresh",
    "Screen",
    "View",
    "choose",
    "display_of",
    "pace",
    "screen_of",
    "status_line",
]

HOW_TO_STOP = "interrupt the kernel to stop"
BYTES_A_SECOND = 40_000
"""What the frames of one reply may take of the way to the browser."""

_LONGEST_FRAME = 0.05  # seconds
_AT_FIRST = 2000  # characters that a frame may take: coloured code, the slowest, then takes a tenth of a second
_LEAST = 500  # characters that a frame may take, however slow it was

Screen = Literal["widgets", "updates", "terminal", "lines"]
"""What a screen can do: hold widgets, update what it has shown, paint its last lines again, or take one more line."""

_Shown_contra = TypeVar("_Shown_contra", contravariant=True)


class View(Protocol[_Shown_contra]):
    """Shows what is under way: ``open()`` once, ``paint()`` by a clock, ``close()`` once, whatever happened."""

    def open(self) -> None: ...

    def paint(self) -> float:
        """Show what is new; return the seconds until the next call is wanted."""
        ...

    def close(self, reply: _Shown_contra | None, failure: str = "") -> None:
        """It is over, and ``reply`` is what came of it; ``None``: nothing.

        ``failure`` is a line that is to be shown with it: nothing else will say what went wrong.
        """
        ...


class Fresh:
    """What has come of a turn since it was last looked at, as text to show; ``characters`` counts what was read.

    The text is Markdown that shows the reply as its format wants, or where it is ``raw`` the reply itself.  A frame
    takes no more of it than can be painted in the blink of an eye, by what the frames before it took: a Stop waits for
    a frame.  The rest waits for the next one, and ``taken`` is what the last look read of the reply itself.
    """

    def __init__(self, turn: Turn, *, raw: bool = False) -> None:
        self.characters = 0
        self.taken = ""
        self._turn = turn
        self._pieces = turn.pieces
        self._seen = 0  # whole pieces
        self._begun = 0  # characters of the next one
        self._most = _AT_FIRST
        self._half_line_end = ""
        self._form = AsMarkdown("markdown" if raw else turn.settings.format)

    @contextmanager
    def frame(self) -> Iterator[str]:
        """The new text for a frame, which is to be painted inside; ``""`` if there is none."""
        started = time.perf_counter()
        text = self.read(self._most)
        yield text
        if text:
            self._learn(len(text), time.perf_counter() - started)

    def takes_long(self, characters: int) -> bool:
        """Whether it would be noticed by somebody who waits if so many characters were rendered."""
        return characters > 2 * self._most

    @property
    def is_all_read(self) -> bool:
        """Whether nothing that has come is left."""
        return self._turn.pieces is self._pieces and self._seen == len(self._pieces)

    def read(self, most: int | None = None) -> str:
        """The new text, ``""`` if there is none; about ``most`` characters of it, the rest comes the next time."""
        self.taken = ""
        text = self._read(most)
        if self._turn.pieces is not self._pieces and self._seen == len(self._pieces):
            text += f"{self._form.finish()}\n\n*That did not fit, so it was asked again:*\n\n"
            self._pieces, self._seen = self._turn.pieces, 0
            text += self._read(most)
        self.characters += len(text)
        return text

    def _read(self, most: int | None) -> str:
        text = visible(self._take(most))
        self.taken += text
        return self._form.feed(text)

    def _take(self, most: int | None) -> str:
        pieces, room = [self._half_line_end], most
        while self._seen < len(self._pieces) and (room is None or room > 0):
            whole = self._pieces[self._seen]
            piece = whole[self._begun :] if room is None else whole[self._begun : self._begun + room]
            pieces.append(piece)
            self._begun += len(piece)
            if room is not None:
                room -= len(piece)
            if self._begun == len(whole):
                self._seen, self._begun = self._seen + 1, 0
        text = "".join(pieces)
        self._half_line_end = "\r" if text.endswith("\r") else ""  # the LF of a CRLF may be on its way
        return text[:-1] if self._half_line_end else text

    def _learn(self, characters: int, seconds: float) -> None:
        """Let the next frame take as many characters as fit into its time; at most twice as many, at least half."""
        wanted = self._most * min(2.0, max(0.5, _LONGEST_FRAME / max(seconds, 1e-6)))
        if seconds > _LONGEST_FRAME or 2 * characters >= self._most:  # a short frame tells nothing about a long one
            self._most = max(_LEAST, int(wanted))


def pace(paint: Callable[[Any], float]) -> Callable[[Any], float]:
    """Make a ``paint()`` take at most a tenth of the processor, and come at least once a second.

    Frames that cost more come further apart, so that a tail that grows is not painted ever more often than it grows:
    the cost of all its frames together stays in proportion to its length.  A cost is believed when it comes twice:
    the first frame with code in it also pays for loading what colours it.
    """

    @functools.wraps(paint)
    def paced(view: Any) -> float:
        started = time.thread_time()
        wanted = paint(view)
        cost = time.thread_time() - started
        believed = min(cost, getattr(view, "last_cost", 0.0))
        view.last_cost = cost
        return max(wanted, min(10 * believed, 1.0))

    return paced


def display_of(turn: Turn, display: str) -> str:
    """The trait ``display`` for a reply to ``turn``: what is to be plain text is shown as that."""
    return "text" if turn.settings.format == "text" else display


def screen_of(shell: InteractiveShell, display: str, stream: TextIO | None = None) -> Screen:
    """What the screen can do, as far as the trait ``display`` lets it; a terminal is written to by ``stream``, stdout.

    Where nobody is there to press Stop (``nbclient`` runs a notebook with ``allow_stdin`` false) no widget is opened:
    nbclient keeps even a closed widget's state in the file.  ``jupyter console`` can update nothing that it has shown:
    it gets plain text, as a pipe does; so does a thread from which nothing can be displayed.
    """
    kernel: Any = getattr(shell, "kernel", None)
    if in_notebook(shell) and may_display(shell):
        attended = bool(getattr(kernel, "_allow_stdin", False))
        return "widgets" if display == "widget" or (display == "auto" and attended) else "updates"
    is_terminal = kernel is None and (stream or sys.stdout).isatty() and not getattr(shell, "simple_prompt", False)
    return "terminal" if is_terminal else "lines"


def choose(
    turn: Turn,
    stop: Callable[[], None],
    shell: InteractiveShell,
    display: str,
    frame_rate: float,
    *,
    background: bool = False,
) -> View[Reply]:
    """The view that fits the screen; ``display`` is the trait of that name.

    What comes in the ``background`` is shown in its own place in a notebook, and at its end on any other screen.
    """
    screen, display = screen_of(shell, display), display_of(turn, display)
    if screen == "widgets" and display != "text":
        from .notebook import WidgetView

        return WidgetView(turn, stop, getattr(shell, "kernel", None), frame_rate, background=background)
    if screen in ("widgets", "updates"):
        from .updates import HtmlView, TextView

        return (TextView if display == "text" else HtmlView)(turn, frame_rate, background=background)
    view: View[Reply]
    if screen == "terminal" and display != "text":
        from .terminal import TerminalView

        view = TerminalView(turn, frame_rate)
    else:
        from .plain import PlainView

        view = PlainView(turn, frame_rate)
    if background:
        from .plain import Afterwards

        view = Afterwards(view, text_of(turn.prompt))
    return view


def status_line(turn: Turn, fresh: Fresh, how_to_stop: str) -> str:
    """One line about a turn under way: who answers, for how long, how much has come."""
    now = time.monotonic()
    if turn.waiting:
        reason, until = turn.waiting
        words = f"{one_line(reason, 80)}: asking again in {max(0.0, until - now):.0f} s"
    elif turn.follows:
        words = f"{visible(turn.endpoint.name)} \u00b7 waits for the reply before it"
    else:
        seconds = 0.0 if turn.started is None else now - turn.started
        tokens = fresh.characters // 4  # by the rule of thumb for English
        words = f"{visible(turn.endpoint.name)} \u00b7 {seconds:.0f} s \u00b7 about {tokens:,} tokens"
        if turn.thoughts and not turn.pieces:
            words += f" \u00b7 thinking: {one_line(''.join(turn.thoughts[-40:])[-60:])}"
    return f"{words} \u00b7 {how_to_stop}" if how_to_stop else words
