"""One of several replies to a question: its turn, how it can be stopped alone, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import AvaError
from ..failures import explain
from ..reply import Reply
from ..runner import Run
from ..turn import Turn

if TYPE_CHECKING:
    from ..chat import Chat

__all__ = ["Column"]


class Column:
    """One of several; ``label`` is the model or provider that the line names, ``over`` whether it has ended."""

    def __init__(self, label: str, turn: Turn) -> None:
        self.label = label
        self.turn = turn
        self.run = Run()
        self.error: AvaError | None = None
        self.over = False
        self.notes: tuple[str, ...] = ()
        turn.is_kept = False

    async def ask(self, chat: Chat) -> None:
        """Send it, and take in the reply.  A failure is this column's own, and a Stop of it too."""
        try:
            await self.run.follow(lambda: chat.finish(self.turn))
        except AvaError as error:
            self.error = error
        except SystemExit as error:  # a provider's own; out of a task of ours it would end the kernel
            self.error = explain(error, self.turn.endpoint)
        finally:
            self.over = True

    @property
    def failure(self) -> str:
        """What went wrong, as one line, or ``""``."""
        return "" if self.error is None else self.error.in_one_line()

    def what_came(self) -> Reply | None:
        """The reply so far, ``None`` where there is nothing of it."""
        reply = self.turn.what_came()
        return None if reply is None else replace(reply, notes=(*reply.notes, *self.notes))

    def reply(self) -> Reply:
        """The reply, or what there is of it, with the error that ended it."""
        return replace(self.what_came() or self.turn.reply(), error=self.error)

    def is_called(self, name: str) -> bool:
        """Whether ``name`` means this one: its label, its model or its provider."""
        return name in (self.label, self.turn.settings.model, self.turn.endpoint.name)
