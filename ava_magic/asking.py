"""One question on its way through a shell: its turn, its place on the screen, and how it can be ended."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .reply import Reply
from .runner import Run
from .views import View

if TYPE_CHECKING:
    from .chat import Chat
    from .turn import Turn

__all__ = ["Asking", "leave_all"]


class Asking:
    """A question with what it takes: its turn, its view, its run, and what the user wants of it.

    ``history``: it belongs to the conversation.  ``background``: nobody waits for it.  ``out``: the name that its
    reply is bound to, or ``""``.
    """

    def __init__(
        self, chat: Chat, turn: Turn, view: View, run: Run, *, history: bool, background: bool, out: str
    ) -> None:
        self.chat = chat
        self.turn = turn
        self.view = view
        self.run = run
        self.history = history
        self.background = background
        self.out = out

    async def work(self) -> None:
        """Send the question, and take in the reply to its end."""
        await self.chat.finish(self.turn, history=self.history)

    @contextmanager
    def on_screen(self) -> Iterator[None]:
        """The question's time on the screen: whatever ends it, what has come is left there."""
        self.open()
        try:
            yield
        finally:
            self.close()

    def what_came(self) -> Reply | None:
        """The reply so far; ``None`` where a question ended early with nothing, or before it was sent."""
        turn = self.turn
        ended_well = turn.started is not None and not turn.partial
        return turn.reply() if turn.pieces or turn.thoughts or ended_well else None

    def leave(self) -> None:
        """Stop it, and leave what has come in its place, without waiting for its loop."""
        self.run.stop()
        self.turn.end_early()
        self.close()

    def open(self) -> None:
        """Take a place on the screen."""
        self.view.open()
        _on_screen.append(self)

    def close(self, failure: str = "") -> None:
        """Leave what has come in its place, once; ``failure`` says what went wrong, where nobody else will."""
        try:
            _on_screen.remove(self)
        except ValueError:  # it was left already
            return
        self.view.close(self.what_came(), failure)


_on_screen: list[Asking] = []


@atexit.register
def leave_all() -> None:
    """Stop every question that is under way, and leave what has come on the screen: the shell or the extension ends."""
    for asking in _on_screen:
        asking.leave()
