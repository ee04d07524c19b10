"""Several models asked the same at once: ``-m a -m b``, ``-p x -p y``.

One of the replies goes on in the conversation: the one that ``--keep`` names, else the first that came whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from ..arguments import Arguments
from ..asking import UnderWay
from ..conversation.exchanges import Exchange
from ..conversation.kept import exchange_of
from ..errors import AvaError
from ..runner import Run
from ..values.content import text_of
from ..views import View
from ..views.columns import Row
from .column import Column
from .replies import Replies

if TYPE_CHECKING:
    from ..chat import Chat
    from ..turn import Turn

__all__ = ["SideBySide"]


class SideBySide(UnderWay[Replies]):
    """The same question to several, under way; ``turns`` are theirs, by the labels of the columns."""

    when_stopped = "the replies were stopped; what had come is kept, in _ and in the conversation"

    def __init__(
        self,
        chat: Chat,
        turns: Mapping[str, Turn],
        run: Run,
        arguments: Arguments,
        choose: Callable[[Sequence[Column], str], View[Replies]],
    ) -> None:
        self._chat = chat
        self._columns = [Column(label, turn) for label, turn in turns.items()]
        self._kept: Exchange | None = None
        self._wanted = self.called(arguments.options["keep"]) if "keep" in arguments else None
        self.question = text_of(self._columns[0].turn.prompt)
        view = choose(self._columns, self.question)
        super().__init__(view, run, background="background" in arguments, out=arguments.options.get("out", ""))

    async def work(self) -> None:
        try:
            await asyncio.gather(*(column.ask(self._chat) for column in self._columns))
        finally:
            self._settle()

    def what_came(self) -> Replies | None:
        came = any(column.what_came() is not None or column.error for column in self._columns)
        return self.result() if came else None

    def result(self) -> Replies:
        return Replies([column.reply() for column in self._columns], [column.label for column in self._columns])

    def end_early(self) -> None:
        for column in self._columns:
            if not column.over:
                column.turn.end_early()

    def line_up(self, over: Future[None]) -> None:
        if self._columns[0].turn.chat is not None:
            self._chat.line_up(over)

    def called(self, name: str) -> Column:
        """The column that ``name`` means.  Raises :class:`AvaError` (``config``) where none, or more than one, does."""
        found = [column for column in self._columns if column.is_called(name)]
        if len(found) != 1:
            there = ", ".join(column.label for column in self._columns)
            raise AvaError(
                f"--keep {name}: {'none' if not found else 'more than one'} is called so of {there}", "config"
            )
        return found[0]

    def keep(self, name: str) -> str:
        """Let the conversation go on with another of the replies; return what was done.  Raises as :meth:`called`."""
        column = self.called(name)
        if self._kept is None or self._kept not in self._chat.conversation:
            raise AvaError("none of the replies that stood side by side is in the conversation any more", "config")
        if not column.turn.pieces:
            raise AvaError(f"nothing came from {column.label} that the conversation could go on with", "config")
        chosen = replace(exchange_of(column.turn), at=self._kept.at)
        self._chat.conversation.swap(self._kept, chosen, f"the choice of {column.label}")
        self._kept = chosen
        self._mark(column)
        if isinstance(self.view, Row):
            self.view.show_choice()
        return f"The conversation goes on with the reply of {column.label}."

    def _settle(self) -> None:
        """Choose the one that goes on in the conversation, and say so under it."""
        if self._columns[0].turn.chat is None:
            return
        whole = [column for column in self._columns if column.error is None and not column.turn.partial]
        begun = [column for column in self._columns if column.turn.pieces]
        for column in [self._wanted] if self._wanted else [*whole, *begun, *self._columns[:1]]:
            self._kept = self._chat.keep(column.turn)
            if self._kept is not None:
                self._mark(column)
                return

    def _mark(self, kept: Column) -> None:
        """Let ``kept`` alone say that it goes on, and how another one would."""
        others = [column.label for column in self._columns if column.turn.pieces and column is not kept]
        how = f" (%ava --keep {_as_typed(others[0])} changes that)" if others else ""
        for column in self._columns:
            column.notes = (f"goes on in the conversation{how}",) if column is kept else ()


def _as_typed(label: str) -> str:
    """A label as the value of an option."""
    return f'"{label}"' if " " in label else label
