"""Who sends the turns of a batch: this process, or another kind of sender by the same interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..reply import Reply

if TYPE_CHECKING:
    from ..chat import Chat
    from ..settings import Settings
    from ..turn import Turn
    from .throttle import Throttle

__all__ = ["Asker", "Here"]


class Asker(Protocol):
    """Sends the turns of a batch, between ``begin()`` and ``end()``, each called once in the batch's loop."""

    def begin(self, settings: Settings, throttle: Throttle) -> None:
        """Turns of these ``settings`` will come.  ``throttle`` is to be told of every wait for a retry."""
        return

    async def ask(self, turn: Turn) -> Reply:
        """The reply to a turn that was begun.  Raises :class:`AvaError`."""
        ...

    async def end(self) -> None:
        """Leave nothing under way."""
        return


class Here(Asker):
    """Sends the turns from this process; they tell of their waits themselves."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def ask(self, turn: Turn) -> Reply:
        """The reply to a turn that was begun.  Raises :class:`AvaError`."""
        await self._chat.finish(turn)
        return turn.reply()
