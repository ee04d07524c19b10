"""What shows a reply: one view for each kind of screen.

A view looks at a :class:`~ava_magic.turn.Turn` by a clock; nothing calls it when a delta arrives, so a delta costs the
same whether it is shown or not.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO, TypeVar

from ..controls import one_line, visible
from ..reply import Reply
from ..shell import in_notebook, may_display
from ..values.content import text_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..turn import Turn
    from .fresh import Fresh

__all__ = [
    "BYTES_A_SECOND",
    "HOW_TO_STOP",
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
