"""One question on its way through a shell: its turn, its place on the screen, and how it can be ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .reply import Reply
from .runner import Run
from .views import View

if TYPE_CHECKING:
    from .chat import Chat
    from .turn import Turn

__all__ = ["Asking"]


class Asking:
    """A question with what it takes: its turn, its view, its run, and the name ``out`` that its reply is bound to."""

    def __init__(self, chat: Chat, turn: Turn, view: View, run: Run, *, history: bool, out: str) -> None:
        self.turn = turn
        self.view = view
        self.run = run
        self.out = out
        self._chat = chat
        self._history = history

    async def work(self) -> None:
        """Send the question, and take in the reply to its end."""
        await self._chat.finish(self.turn, history=self._history)

    @contextmanager
    def on_screen(self) -> Iterator[None]:
        """The question's time on the screen: whatever ends it, what has come is left there."""
        self.view.open()
        try:
            yield
        finally:
            self.view.close(self.what_came())

    def what_came(self) -> Reply | None:
        """The reply so far; ``None`` where a question ended early with nothing, or before it was sent."""
        turn = self.turn
        ended_well = turn.started is not None and not turn.partial
        return turn.reply() if turn.pieces or turn.thoughts or ended_well else None
