"""What is on its way through a shell: its place on the screen, and how it can be ended."""

from __future__ import annotations

import atexit
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .errors import STOPPED_AT_ONCE
from .reply import Reply
from .runner import Run, wait_for_threads
from .values.content import text_of
from .views import View

if TYPE_CHECKING:
    from .chat import Chat
    from .turn import Turn

__all__ = ["Asking", "UnderWay", "leave_all"]

_MOMENT = 1.0  # seconds for hanging up, at the end of the program

Shown = TypeVar("Shown")


class UnderWay(ABC, Generic[Shown]):
    """Something that was asked: its view, its run, and what the user wants of it.

    ``background``: nobody waits for it.  ``out``: the name that its result is bound to, or ``""``.  ``question`` is
    what was asked, and ``when_stopped`` the line that tells where what had come is kept.
    """

    question: str
    when_stopped: str
    keeps_when_failed = False
    """Whether a failure leaves a result as well, which is then ``_`` as after a Stop."""
    leaves_result = True
    """Whether the view leaves the whole result on the screen, so that it is not shown once more."""

    def __init__(self, view: View[Shown], run: Run, *, background: bool, out: str) -> None:
        self.view = view
        self.run = run
        self.background = background
        self.out = out
        self._screen = threading.RLock()  # what paints and what leaves it may be two threads

    @abstractmethod
    async def work(self) -> None:
        """Send it, and take in what comes to its end."""

    @abstractmethod
    def what_came(self) -> Shown | None:
        """The result so far; ``None`` before anything came, and where it ended early with nothing."""

    @abstractmethod
    def result(self) -> Shown:
        """What came of it."""

    @abstractmethod
    def end_early(self) -> None:
        """Mark what has come as stopped before its end."""

    def line_up(self, over: Future[None]) -> None:
        """Let others wait for its end, where their questions depend on it."""

    @contextmanager
    def on_screen(self) -> Iterator[None]:
        """Its time on the screen: whatever ends it, what has come is left there."""
        self.open()
        try:
            yield
        finally:
            self.close()

    def leave(self) -> None:
        """Stop it, and leave what has come in its place, without waiting for its loop."""
        self.run.stop()
        self.end_early()
        self._context.copy().run(self.close)  # a copy: two may leave it at once

    def open(self) -> None:
        """Take a place on the screen."""
        self._context = copy_context()  # in which a kernel knows the cell that asked
        self.view.open()
        _on_screen.append(self)

    def paint(self) -> float:
        """Show what is new; return the seconds until the next call is wanted.  Nothing is painted over the end."""
        with self._screen:
            return self.view.paint() if self in _on_screen else 1.0

    def close(self, failure: str = "") -> None:
        """Leave what has come in its place, once; ``failure`` says what went wrong, where nobody else will.

        Who comes second waits until it stands there: a kernel may end right after.
        """
        with self._screen:
            if self in _on_screen:
                came = self.what_came()
                if came is None and self.background and self.run.stopped:  # below a cell that waits a line says so
                    failure = failure or STOPPED_AT_ONCE
                try:
                    self.view.close(came, failure)
                finally:
                    _on_screen.remove(self)


class Asking(UnderWay[Reply]):
    """One question with its turn."""

    when_stopped = "the reply was stopped; what had come is kept, in _ and in the conversation"

    def __init__(self, chat: Chat, turn: Turn, view: View[Reply], run: Run, *, background: bool, out: str) -> None:
        super().__init__(view, run, background=background, out=out)
        self.question = text_of(turn.prompt)
        self._chat = chat
        self._turn = turn

    async def work(self) -> None:
        await self._chat.finish(self._turn)

    def what_came(self) -> Reply | None:
        return self._turn.what_came()

    def result(self) -> Reply:
        return self._turn.reply()

    def end_early(self) -> None:
        self._turn.end_early()

    def line_up(self, over: Future[None]) -> None:
        if self._turn.chat is not None:
            self._chat.line_up(over)


_on_screen: list[UnderWay[Any]] = []


def leave_all() -> None:
    """Stop every question that is under way, and leave what has come on the screen: the shell or the extension ends."""
    for asking in _on_screen.copy():  # each takes itself out
        asking.leave()


@atexit.register
def _end() -> None:
    """The program ends, and with it every thread where it stands: let those that were stopped hang up before that."""
    leave_all()
    wait_for_threads(_MOMENT)
