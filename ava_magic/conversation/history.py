"""The conversation as a person looks at it: each turn, where it came from, and whether it would be sent now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..controls import counted, one_line
from ..values.content import text_of
from .listing import Listing

if TYPE_CHECKING:
    from .conversation import Conversation
    from .exchanges import Exchange

__all__ = ["History", "age"]

_SHOWN = 200  # turns, the newest
_READ = 2_000  # characters of a text that are looked at for its first line


class _Row(NamedTuple):
    number: int
    cell: str
    prompt: str
    reply: str
    model: str
    tokens: str
    age: str
    state: str


class History:
    """The turns of ``conversation`` as ``--history`` shows them: text in a terminal, a table in a notebook.

    ``left_out`` says how many from the front do not fit what is sent along; those that were set aside do not count.
    """

    def __init__(self, conversation: Conversation, left_out: int = 0) -> None:
        self._name = conversation.name
        self._exchanges = list(conversation)
        self._left_out = left_out

    def __str__(self) -> str:
        lines = [self._caption()]
        for row in self._rows():
            facts = [row.cell, row.model, row.tokens and f"{row.tokens} tokens", row.age, row.state]
            line = " \u00b7 ".join(fact for fact in facts if fact)
            lines += [f"{row.number}. {line}", f"   you: {row.prompt}", f"   {row.model or 'reply'}: {row.reply}"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        head = ("#", "cell", "you", "reply", "model", "tokens", "age", "sent now")
        rows = [tuple(map(str, row)) for row in self._rows()]
        return {"text/plain": str(self), "text/html": Listing(self._caption(), head, rows, ("#", "tokens")).to_html()}

    def _caption(self) -> str:
        turns = len(self._exchanges)
        name = one_line(self._name, 60)
        if not turns:
            return f"The conversation {name} is empty."
        tokens = sum(exchange.tokens() for exchange in self._exchanges if not exchange.aside)
        sent = sum(not exchange.aside for exchange in self._exchanges) - self._left_out
        along = "all of it" if sent == turns else f"{counted(sent, 'turn')} of it"
        shown = f" These are the last {_SHOWN}." if turns > _SHOWN else ""
        what = f"Conversation {name}: {counted(turns, 'turn')}, about {tokens:,} tokens"
        return f"{what}. The next question takes {along} along.{shown}"

    def _rows(self) -> Iterator[_Row]:
        now = time.time()
        newest = 0.0
        in_use = 0
        first = len(self._exchanges) - _SHOWN
        for number, exchange in enumerate(self._exchanges):
            in_use += not exchange.aside
            state = _state(exchange, fits=in_use > self._left_out, is_older=exchange.at < newest)
            newest = max(newest, exchange.at)
            if number >= first:
                yield _row(number + 1, exchange, state, now)


def _row(number: int, exchange: Exchange, state: str, now: float) -> _Row:
    anchor = exchange.anchor
    cell = f"In [{anchor.number}]" if anchor.number else (anchor.cell or "")[:8]
    return _Row(
        number=number,
        cell=one_line(cell),
        prompt=_beginning(exchange.prompt),
        reply=_beginning(exchange.reply),
        model=one_line(exchange.model or exchange.provider, 40),
        tokens=f"{'' if exchange.counts else 'about '}{exchange.tokens():,}",
        age=f"{age(now - exchange.at)} ago" if exchange.at else "",
        state=state,
    )


def _state(exchange: Exchange, *, fits: bool, is_older: bool) -> str:
    marks = ["stopped"] if exchange.partial else []
    if is_older:
        marks.append("older than what it follows")
    if exchange.aside:
        sent = "not sent: its cell has failed since"
    elif fits:
        sent = "sent"
    else:
        sent = "not sent: no room in context_tokens"
    return sent + (f" ({', '.join(marks)})" if marks else "")


def _beginning(content: Any) -> str:
    return one_line(text_of(content)[:_READ], 100)


def age(seconds: float) -> str:
    """A span of time in one unit: ``40 s``, ``5 min``, ``3 h``, ``12 days``."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
