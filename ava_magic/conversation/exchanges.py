"""What a conversation is made of: exchanges, each anchored to the run of the cell that asked, and their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

from .tokens import estimate_tokens

__all__ = ["Anchor", "Exchange", "Message", "Rerun", "Unanswered", "fit"]

Rerun = Literal["replace", "append"]
"""What a cell that is run again does: its turn takes the place of its former one, or is added to it."""


class Message(TypedDict):
    """One OpenAI message: ``role`` is ``"system"``, ``"user"`` or ``"assistant"``."""

    role: str
    content: Any


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where an exchange came from: ``cell`` (a cell id, or ``None`` where the front end sends none) and ``run``, which
    tells one run of the cell from the next.  ``number`` is that of the run's prompt, ``In [number]``, for people."""

    cell: str | None = None
    run: str = ""
    number: int | None = field(default=None, compare=False)

    def is_earlier_run_of(self, other: Anchor) -> bool:
        """Whether this and the ``other`` are runs of one cell, and not the same run."""
        return self.cell is not None and self.cell == other.cell and self.run != other.run


@dataclass(frozen=True, slots=True)
class Exchange:
    """A user's message, its ``prompt`` (a text, or OpenAI's content parts), and the ``reply`` to it.

    ``anchor`` tells where it was asked, ``partial`` marks a stopped reply, ``aside`` one that is not sent since
    its cell has failed, ``model`` and ``provider`` say who gave it, and ``at`` when it ended, in seconds since 1970.
    ``counts`` are the tokens of the question and of the reply; ``None``: estimated.
    """

    prompt: Any
    reply: str
    anchor: Anchor = field(default_factory=Anchor)
    partial: bool = False
    model: str | None = None
    provider: str = ""
    at: float = 0.0
    counts: tuple[int, int] | None = None
    aside: bool = False

    def messages(self) -> list[Message]:
        """The two messages that go to a model."""
        return [{"role": "user", "content": self.prompt}, {"role": "assistant", "content": self.reply}]

    def tokens(self) -> int:
        """What it takes of the context: by the endpoint's count, else by :func:`estimate_tokens`."""
        return sum(self.counts or (estimate_tokens(message["content"]) for message in self.messages()))


class Unanswered(NamedTuple):
    """A question that can be asked again: where it was asked, and the exchange that a new answer takes the place of."""

    prompt: Any
    anchor: Anchor
    instead: Exchange | None = None


def fit(exchanges: Sequence[Exchange], budget: int) -> tuple[list[Exchange], int]:
    """As many whole exchanges from the end as fit ``budget`` tokens, and how many were left out."""
    room = budget
    start = len(exchanges)
    while start and room >= (cost := exchanges[start - 1].tokens()):
        room -= cost
        start -= 1
    return list(exchanges[start:]), start
