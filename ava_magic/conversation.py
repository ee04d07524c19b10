"""The conversation: exchanges in order, each anchored to the cell that made it.

A notebook is not a chat log: its cells are run again, out of order, and the last run counts.  So an exchange knows the
cell and the run it came from, and a new run of a cell takes the place of what that cell's last run added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, overload

from .content import image_urls, text_of

__all__ = ["Anchor", "Conversation", "Exchange", "Message", "Rerun", "estimate_tokens"]

Rerun = Literal["replace", "append"]
_IMAGE_TOKENS = 1_000


class Message(TypedDict):
    """One OpenAI message: ``role`` is ``"system"``, ``"user"`` or ``"assistant"``."""

    role: str
    content: Any


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where an exchange came from: ``cell`` (a cell id, or ``None`` where the front end sends none) and ``run``, which
    tells one run of the cell from the next."""

    cell: str | None = None
    run: str = ""

    def is_earlier_run_of(self, other: Anchor) -> bool:
        """Whether both are runs of one cell, and not the same run."""
        return self.cell is not None and self.cell == other.cell and self.run != other.run


@dataclass(frozen=True, slots=True)
class Exchange:
    """A user's message and the reply to it.

    ``partial`` marks a reply that was stopped, ``model`` and ``provider`` say who gave it, and ``at`` when it ended, in
    seconds since 1970.
    """

    prompt: Any
    reply: str
    anchor: Anchor = field(default_factory=Anchor)
    partial: bool = False
    model: str | None = None
    provider: str = ""
    at: float = 0.0

    def messages(self) -> list[Message]:
        """The two messages that go to a model."""
        return [{"role": "user", "content": self.prompt}, {"role": "assistant", "content": self.reply}]

    def tokens(self) -> int:
        """What it takes of the context, by :func:`estimate_tokens`."""
        return sum(estimate_tokens(message["content"]) for message in self.messages())


class Conversation(Sequence[Exchange]):
    """The exchanges, oldest first; a read-only sequence that :meth:`add` and :meth:`reset` change."""

    def __init__(self, exchanges: Sequence[Exchange] = ()) -> None:
        self._exchanges = list(exchanges)

    def __len__(self) -> int:
        return len(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> Conversation: ...
    def __getitem__(self, index: int | slice) -> Exchange | Conversation:
        if isinstance(index, slice):
            return Conversation(self._exchanges[index])
        return self._exchanges[index]

    def __repr__(self) -> str:
        return f"<Conversation of {len(self)} turn{'' if len(self) == 1 else 's'}>"

    def before(self, anchor: Anchor, rerun: Rerun = "replace") -> list[Exchange]:
        """The exchanges that a question asked at ``anchor`` follows.

        For a cell that is run again these are the ones before its own place, less what its last run added.
        """
        kept, place = self._place(anchor, rerun)
        return kept[:place]

    def add(self, exchange: Exchange, rerun: Rerun = "replace") -> None:
        """Put ``exchange`` in its place: that of its cell's last run where there was one, else the end."""
        kept, place = self._place(exchange.anchor, rerun)
        self._exchanges = [*kept[:place], exchange, *kept[place:]]

    def reset(self) -> None:
        """Forget every exchange."""
        self._exchanges = []

    def _place(self, anchor: Anchor, rerun: Rerun) -> tuple[list[Exchange], int]:
        """What stays when a turn is added at ``anchor``, and where among it the turn belongs."""
        if rerun == "append":
            return self._exchanges, len(self._exchanges)
        kept: list[Exchange] = []
        place: int | None = None
        for exchange in self._exchanges:
            if exchange.anchor.is_earlier_run_of(anchor):
                place = len(kept) if place is None else place
            else:
                kept.append(exchange)
                if anchor.cell is not None and exchange.anchor == anchor:
                    place = len(kept)
        return kept, len(kept) if place is None else place


def estimate_tokens(content: Any) -> int:
    """Tokens of ``content`` by rule of thumb: one for each four bytes of UTF-8, and four for the message around it.

    An image counts as 1,000, about what the services say for one of a thousand pixels each way
    (https://platform.openai.com/docs/guides/images-vision, https://docs.anthropic.com/en/docs/build-with-claude/vision).

    The rule for English is OpenAI's own (https://platform.openai.com/tokenizer); counting bytes rather than characters
    keeps it on the safe side for other scripts.
    """
    return len(text_of(content).encode("utf-8", "replace")) // 4 + 4 + _IMAGE_TOKENS * len(image_urls(content))


def fit(exchanges: Sequence[Exchange], budget: int) -> tuple[list[Exchange], int]:
    """As many whole exchanges from the end as fit ``budget`` tokens, and how many were left out."""
    room = budget
    start = len(exchanges)
    while start and room >= (cost := exchanges[start - 1].tokens()):
        room -= cost
        start -= 1
    return list(exchanges[start:]), start
